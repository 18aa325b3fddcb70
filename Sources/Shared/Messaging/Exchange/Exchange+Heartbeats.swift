import CellProtocol
import CloudModel

// Who is there. The side that dials sends a heartbeat every `heartbeat`; the side that is dialled answers each at once, so that a
// hub needs no timer per peer, and both count only round trips (`Contact`).
extension Exchange {
    /// The connection of the bulk lane tells our address when it comes up. Once more every third heartbeat, for one that broke and came
    /// again unnoticed: seldomer leaves the other side without an answer's way for longer, oftener costs a message on each idle link.
    private static let bulkBeatsEvery = 3

    var peers: [PeerContact] {
        let now = clock()
        return state.withLock { state in
            state.inContact.compactMap { peer in
                state.lastContact(peer).map { PeerContact(peer: peer, age: now - $0) }
            }
        }.sorted { $0.peer < $1.peer }
    }

    func contact(_ peer: PeerName) -> Duration? {
        let now = clock()
        return state.withLock { $0.lastContact(peer) }.map { now - $0 }
    }

    func events(of roles: Set<PeerName.Role>) -> AsyncStream<PeerEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: PeerEvent.self, bufferingPolicy: .bufferingNewest(4_096))
        let number = state.withLock { state -> Int? in
            if state.isStopped { return nil }
            for peer in state.inContact where roles.contains(peer.role) { continuation.yield(.joined(peer)) }
            state.lastSubscriber += 1
            state.subscribers[state.lastSubscriber] = (roles, continuation)
            return state.lastSubscriber
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.subscribers.removeValue(forKey: number) }
        }
        return stream
    }

    /// A peer that we dial, and the lanes it is dialled on.
    func dials(_ peer: PeerName, on lanes: [Lane]) {
        let now = clock()
        state.withLock { state in
            state.withLink(peer, limits) { $0.dialled = lanes }
            state.nextSweep = state.nextSweep ?? now
        }
    }

    /// The connection to a peer that we dial is up, or up again: it must learn our address at once.
    func connected(_ peer: PeerName, on lane: Lane) {
        beat(peer, on: lane)
    }

    func received(_ heartbeat: Heartbeat, from peer: PeerName) {
        let now = clock()
        let (joined, answers) = state.withLock { state -> (Bool, Bool) in
            if peer.role == .simulator, heartbeat.number > 0 { state.met(heartbeat.incarnation, of: peer) }
            let (joined, isDialled) = state.withLink(peer, limits) { ($0.contact.received(heartbeat), !$0.dialled.isEmpty) }
            // A host that has a link of its own now is reached over that.
            if joined, !state.shared.isEmpty { state.shared.forget(peer) }
            if joined { for name in [peer] + state.shared.present(on: peer) { state.tell(.joined(name)) } }
            state.nextSweep = state.nextSweep ?? now + self.heartbeat
            return (joined, !isDialled || joined)
        }
        if joined { log.joined(peer) }
        if answers { beat(peer, on: .control) }
    }

    /// Does what is due, and says when to come again: after a heartbeat at the latest (what comes in meanwhile has deadlines too),
    /// and before the deadline of a call that is sent meanwhile. Nil: stopped.
    func tick(at now: BootInstant) -> BootInstant? {
        var overdue: [Call] = []
        var late: [Task<Void, Never>] = []
        var lost: [PeerName] = []
        var beats: [(PeerName, [Lane])] = []
        let next = state.withLock { state -> BootInstant? in
            if state.isStopped { return nil }
            while let id = state.callDeadlines.popDue(at: now) {
                guard let call = state.calls.removeValue(forKey: id) else { continue }
                state.counters.timedOut += 1
                overdue.append(call)
            }
            while let key = state.runningDeadlines.popDue(at: now) {
                if let task = state.running[key] { late.append(task) }
            }
            if let due = state.nextSweep, due <= now {
                let tellsBulk = state.sweeps % Self.bulkBeatsEvery == 0
                state.sweeps += 1
                for peer in Array(state.links.keys) {
                    state.withLink(peer, limits) { link in
                        if link.contact.lapse(at: now, after: heartbeat * limits.silentAfter) { lost.append(peer) }
                        link.window.forgetAnswers(at: now)
                        let lanes = tellsBulk ? link.dialled : link.dialled.filter { $0 == .control }
                        if !lanes.isEmpty { beats.append((peer, lanes)) }
                    }
                }
                for peer in lost { for name in [peer] + state.shared.present(on: peer) { state.tell(.lost(name)) } }
                state.metrics.publish(state.counters, peers: state.links.values.count { $0.contact.isJoined })
                state.nextSweep = now + heartbeat
            }
            let next = [state.callDeadlines.next, state.runningDeadlines.next, state.nextSweep].compactMap { $0 }.min()
            return min(next ?? .distantFuture, now + heartbeat)
        }
        for call in overdue { call.continuation.resume(throwing: MessagingError.timeout) }
        for task in late { task.cancel() }
        for peer in lost { log.lost(peer) }
        for (peer, lanes) in beats {
            for lane in lanes { beat(peer, on: lane) }
        }
        return next
    }

    /// Only heartbeats on the control lane are counted and echoed; one on the bulk lane tells our address there.
    private func beat(_ peer: PeerName, on lane: Lane) {
        let now = clock()
        let (id, beat) = state.withLock { state -> (UInt64, Heartbeat) in
            let incarnation = state.incarnation
            let beat = state.withLink(peer, limits) { link in
                switch lane {
                case .control: link.contact.beat(at: now)
                case .bulk: Heartbeat(incarnation: incarnation, number: 0, echo: 0, echoedIncarnation: 0)
                }
            }
            return (state.nextID(), beat)
        }
        let envelope = Envelope(.heartbeat, lane: lane, id: id, milliseconds: 0, body: beat.encoded)
        guard let bytes = envelope.encoded() else { return }
        // One that waits longer than the next would take is worthless.
        send(OutgoingFrame(to: Address(peer), lane: lane, type: .heartbeat, id: id, expires: now + heartbeat, bytes: bytes))
    }
}
