import CellProtocol
import CloudModel
import Logging

/// A call of somebody else.
struct ServedCall: Hashable {
    let address: Address
    let id: UInt64
}

struct WaitingCall {
    let message: IncomingMessage
    let address: Address
    let lane: Lane
    let expires: BootInstant
    let run: Exchange.Handler

    var key: ServedCall { ServedCall(address: address, id: message.id.rawValue) }
}

// Running handlers. A call has a task of its own, so many at once as `limits.runningCalls`; the casts of one link share a task that
// takes them in order and ends when there are none. `stop` cancels all of them.
extension Exchange {
    /// Called with the lock held.
    func start(_ call: WaitingCall, in state: inout State) {
        state.runningDeadlines.insert(call.key, due: call.expires)
        state.running[call.key] = Task { [self] in await serve(call) }
        let running = state.running
        state.runningDeadlines.compact(live: running.count) { running[$0] != nil }
    }

    private func serve(_ call: WaitingCall) async {
        let result: Result<[UInt8], MessagingError>
        do {
            result = .success(try await call.run(call.message))
        } catch {
            result = .failure(refusal(for: error, of: call.message))
        }
        ended(call)
        answer(call.key, result, lane: call.lane, expires: call.expires)
    }

    /// Frees the call's place, and gives it to the next that still has time.
    private func ended(_ call: WaitingCall) {
        let now = clock()
        state.withLock { state in
            state.running[call.key] = nil
            guard !state.isStopped else { return }
            state.queue.ended(call.address.link)
            while let next = state.queue.next() {
                if next.expires > now { start(next, in: &state) } else { state.queue.ended(next.address.link) }
            }
        }
    }

    /// Sends an answer, and remembers it for a copy of the call.
    func answer(_ call: ServedCall, _ result: Result<[UInt8], MessagingError>, lane: Lane, expires: BootInstant) {
        var result = result
        if case .success(let body) = result, body.count > limits.bytes(lane) {
            count(\.tooLarge)
            log.refused(.tooLarge, call.address.peer, ["bytes": "\(body.count)", "limit": "\(limits.bytes(lane))"])
            result = .failure(.refused(.tooLarge, "The answer has \(body.count) bytes; \(limits.bytes(lane)) are allowed."))
        }
        let envelope: Envelope
        switch result {
        case .success(let body):
            envelope = Envelope(.reply, lane: lane, id: call.id, milliseconds: 0, member: call.address.member, body: body)
        case .failure(let error):
            envelope = Envelope(
                .error, lane: lane, id: call.id, milliseconds: 0, member: call.address.member, body: Refusal.encode(error))
        }
        guard let bytes = envelope.encoded() else { return }
        state.withLock { state in
            state.counters.answered += 1
            state.withLink(call.address.peer, limits) { $0.window.answered(call.id, with: bytes, expires: expires) }
        }
        send(OutgoingFrame(to: call.address, lane: lane, type: envelope.type, id: call.id, expires: expires, bytes: bytes))
    }

    /// Called with the lock held.
    func enqueueCast(_ message: IncomingMessage, over peer: PeerName, _ run: @escaping Handler, in state: inout State) {
        let overflow = state.withLink(peer, limits) { link in
            link.casts.append((message, run))
            return link.casts.count > limits.waitingCasts ? link.casts.popFirst() : nil
        }
        if overflow != nil { state.counters.overloaded += 1 }
        if state.castTasks[peer] == nil {
            state.castTasks[peer] = Task { [self] in await takeCasts(of: peer) }
        }
    }

    private func takeCasts(of peer: PeerName) async {
        while let next = nextCast(of: peer) {
            do {
                _ = try await next.run(next.message)
            } catch {
                _ = refusal(for: error, of: next.message)
            }
        }
    }

    private func nextCast(of peer: PeerName) -> (message: IncomingMessage, run: Handler)? {
        state.withLock { state in
            if state.isStopped { return nil }
            if let next = state.links[peer]?.casts.popFirst() { return next }
            state.castTasks[peer] = nil
            return nil
        }
    }

    /// What the caller hears of an error, logging what it doesn't.
    private func refusal(for error: any Error, of message: IncomingMessage) -> MessagingError {
        switch error {
        case let error as CloudError:
            return .refused(error.code, error.message)
        case let error as UnreadableBody:
            count(\.malformed)
            log.refused(.malformed, message.from, ["kind": "\(message.kind)", "what": "\(error.cause)"])
            return .refused(.badRequest, "The body of \(message.kind) can't be read.")
        case let error as MessagingError:
            return error
        case is CancellationError:
            return .timeout
        default:
            count(\.failed)
            log.failed(message, error)
            return .refused(.internalError, "\(name) failed to answer \(message.kind); its log says why.")
        }
    }
}
