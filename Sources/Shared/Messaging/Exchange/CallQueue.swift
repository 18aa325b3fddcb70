import CellProtocol

/// Whose call runs next: so many at once in all and of one peer, and those that wait take turns by peer, so that no peer can shut the
/// others out. Peers are counted by their keys: hosts that share a link are one. Pure; the exchange starts what it returns.
struct CallQueue<Call> {
    enum Admission { case run, wait, refuse }

    private let limits: MessagingLimits
    private var running: [PeerName: Int] = [:]
    private var waiting: [PeerName: Fifo<Call>] = [:]
    /// The peers that have a call waiting and may have one more running, each once.
    private var turns = Fifo<PeerName>()
    private var hasTurn: Set<PeerName> = []
    private(set) var runningCount = 0
    private(set) var waitingCount = 0

    init(_ limits: MessagingLimits) { self.limits = limits }

    mutating func admit(_ call: Call, of peer: PeerName) -> Admission {
        if runningCount < limits.runningCalls, mayRunMore(peer), waiting[peer] == nil {
            begin(peer)
            return .run
        }
        guard waitingCount < limits.waitingCalls, (waiting[peer]?.count ?? 0) < limits.waitingCalls(of: peer) else {
            return .refuse
        }
        waiting[peer, default: Fifo()].append(call)
        waitingCount += 1
        takeTurn(peer)
        return .wait
    }

    /// One of the peer's calls that ran has ended.
    mutating func ended(_ peer: PeerName) {
        guard let count = running[peer] else { return }
        running[peer] = count > 1 ? count - 1 : nil
        runningCount -= 1
        takeTurn(peer)
    }

    /// The call that runs now; nil when none waits or may run.
    mutating func next() -> Call? {
        guard runningCount < limits.runningCalls, let peer = turns.popFirst() else { return nil }
        hasTurn.remove(peer)
        guard let call = waiting[peer]?.popFirst() else { return nil }
        if waiting[peer]?.isEmpty == true { waiting[peer] = nil }
        waitingCount -= 1
        begin(peer)
        takeTurn(peer)
        return call
    }

    private func mayRunMore(_ peer: PeerName) -> Bool { running[peer, default: 0] < limits.runningCalls(of: peer) }

    private mutating func begin(_ peer: PeerName) {
        running[peer, default: 0] += 1
        runningCount += 1
    }

    private mutating func takeTurn(_ peer: PeerName) {
        guard waiting[peer] != nil, mayRunMore(peer), hasTurn.insert(peer).inserted else { return }
        turns.append(peer)
    }
}
