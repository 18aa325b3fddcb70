import CellProtocol
import CloudModel
import Logging

// From the wire to a handler, on the transport's thread: never blocks, never throws.
extension Exchange {
    /// Takes one message. `peer` is what the connection's key stands for.
    func received(_ bytes: UnsafeRawBufferPointer, from peer: PeerName, lane: Lane) {
        do {
            guard bytes.count <= limits.bytes(lane) + Envelope.longestPreamble else {
                return try refuseOversized(bytes, from: peer, lane: lane)
            }
            let envelope = try Envelope(reading: bytes, on: lane)
            switch envelope.type {
            case .call, .cast:
                if let sender = sender(of: envelope, over: peer) { take(envelope, from: sender) }
            case .reply:
                if let sender = sender(of: envelope, over: peer) {
                    settle(envelope, from: sender.peer, .success(envelope.body))
                }
            case .error:
                let refusal = try Refusal.decode(envelope.body)
                if let sender = sender(of: envelope, over: peer) { settle(envelope, from: sender.peer, .failure(refusal)) }
            case .heartbeat:
                let heartbeat = try Heartbeat(reading: envelope.body)
                count(\.heartbeats)
                if lane == .control { received(heartbeat, from: peer) }
            }
        } catch {
            refuseMalformed(error, from: peer)
        }
    }

    /// Refuses a message by its first bytes; the rest isn't looked at. Whoever waits for it or for an answer to it hears so at once.
    private func refuseOversized(_ bytes: UnsafeRawBufferPointer, from peer: PeerName, lane: Lane) throws(MalformedMessage) {
        let limit = limits.bytes(lane)
        let beginning = UnsafeRawBufferPointer(rebasing: bytes.prefix(Envelope.longestPreamble))
        count(\.oversized)
        let envelope = try Envelope(reading: beginning, on: lane)
        log.refused(.tooLarge, peer, ["kind": "\(envelope.kind)", "bytes": "\(bytes.count)", "limit": "\(limit)"])
        guard envelope.type != .heartbeat, let sender = sender(of: envelope, over: peer) else { return }
        switch envelope.type {
        case .call:
            let refusal = MessagingError.refused(.tooLarge, "The message has \(bytes.count) bytes; \(limit) are allowed.")
            answer(
                ServedCall(address: sender, id: envelope.id), .failure(refusal), lane: lane,
                expires: clock() + .milliseconds(envelope.milliseconds))
        case .reply, .error:
            settle(envelope, from: sender.peer, .failure(MessagingError.tooLarge(bytes: bytes.count, limit: limit)))
        case .cast, .heartbeat: break
        }
    }

    func refuseMalformed(_ malformed: MalformedMessage, from peer: PeerName) {
        count(\.malformed)
        log.refused(.malformed, peer, ["what": "\(malformed.what)"])
    }

    private func settle(_ envelope: Envelope, from peer: PeerName, _ result: Result<[UInt8], any Error>) {
        let found = finish(envelope.id, from: peer, result)
        state.withLock { state in
            state.counters.received += 1
            if !found { state.counters.lateReplies += 1 }
        }
    }

    private enum Decision {
        case run, nothing
        case refuse(MessagingError, RefusalLog.Reason)
        case repeatAnswer([UInt8])
    }

    private func take(_ envelope: Envelope, from sender: Address) {
        let now = clock()
        let peer = sender.peer
        let handler = HandlerKey(member: isSimulator ? envelope.member : nil, kind: envelope.kind)
        let message = IncomingMessage(
            from: peer, kind: envelope.kind, body: envelope.body, request: envelope.request,
            id: MessageID(rawValue: envelope.id), deadline: .milliseconds(envelope.milliseconds))
        let isCall = envelope.type == .call
        let expires = now + message.deadline
        let decision = state.withLock { state -> Decision in
            if state.isStopped { return .nothing }
            state.counters.received += 1
            switch state.withLink(peer, limits, { $0.window.admit(envelope.id) }) {
            case .taken:
                state.counters.duplicates += 1
                return .nothing
            case .answered(let bytes):
                state.counters.duplicates += 1
                return .repeatAnswer(bytes)
            case .new:
                break
            }
            guard let handler = state.handlers[handler] else {
                state.counters.unknownKind += 1
                return .refuse(.refused(.notImplemented, "Nobody here answers \(envelope.kind)."), .unknownKind)
            }
            guard handler.roles.contains(peer.role) else {
                state.counters.forbidden += 1
                return .refuse(.refused(.forbidden, "A \(peer.role.rawValue) may not say \(envelope.kind)."), .forbidden)
            }
            guard isCall else {
                enqueueCast(message, over: sender.link, handler.run, in: &state)
                return .nothing
            }
            let call = WaitingCall(
                message: message, address: sender, lane: envelope.lane, expires: expires, run: handler.run)
            switch state.queue.admit(call, of: sender.link) {
            case .run: start(call, in: &state)
            case .wait: break
            case .refuse:
                state.counters.overloaded += 1
                return .refuse(.overloaded, .overloaded)
            }
            return .run
        }
        switch decision {
        case .run, .nothing:
            break
        case .refuse(let error, let reason):
            log.refused(reason, peer, ["kind": "\(envelope.kind)"])
            if isCall {
                answer(ServedCall(address: sender, id: envelope.id), .failure(error), lane: envelope.lane, expires: expires)
            }
        case .repeatAnswer(let bytes):
            send(OutgoingFrame(to: sender, lane: envelope.lane, type: .reply, id: envelope.id, expires: expires, bytes: bytes))
        }
    }
}
