import CellProtocol

/// Whose call runs next: so many at once in all and of one peer, and those that wait take turns by peer, so that no peer can shut the
/// others out. Peers are counted by their keys, so hosts that share a link are one, and all simulators together are one: two of them
/// would else take everything between them. Pure; the exchange starts what it returns.
struct CallQueue<Call> {
    enum Admission { case run, wait, refuse }

    /// Whom a call is charged to.
    private enum Party: Hashable {
        case peer(PeerName)
        case simulators

        init(_ peer: PeerName) { self = peer.role == .simulator ? .simulators : .peer(peer) }
    }

    private let limits: MessagingLimits
    private var running: [Party: Int] = [:]
    private var waiting: [Party: Fifo<Call>] = [:]
    /// The parties that have a call waiting and may have one more running, each once.
    private var turns = Fifo<Party>()
    private var hasTurn: Set<Party> = []
    private(set) var runningCount = 0
    private(set) var waitingCount = 0

    init(_ limits: MessagingLimits) { self.limits = limits }

    mutating func admit(_ call: Call, of peer: PeerName) -> Admission {
        let party = Party(peer)
        if runningCount < limits.runningCalls, mayRunMore(party), waiting[party] == nil {
            begin(party)
            return .run
        }
        guard waitingCount < limits.waitingCalls, (waiting[party]?.count ?? 0) < mostWaiting(party) else { return .refuse }
        waiting[party, default: Fifo()].append(call)
        waitingCount += 1
        takeTurn(party)
        return .wait
    }

    /// One of the peer's calls that ran has ended.
    mutating func ended(_ peer: PeerName) {
        let party = Party(peer)
        guard let count = running[party] else { return }
        running[party] = count > 1 ? count - 1 : nil
        runningCount -= 1
        takeTurn(party)
    }

    /// The call that runs now; nil when none waits or may run.
    mutating func next() -> Call? {
        guard runningCount < limits.runningCalls, let party = turns.popFirst() else { return nil }
        hasTurn.remove(party)
        guard let call = waiting[party]?.popFirst() else { return nil }
        if waiting[party]?.isEmpty == true { waiting[party] = nil }
        waitingCount -= 1
        begin(party)
        takeTurn(party)
        return call
    }

    private func mayRunMore(_ party: Party) -> Bool {
        switch party {
        case .peer: running[party, default: 0] < limits.runningCallsOfOnePeer
        case .simulators: running[party, default: 0] < limits.runningCallsOfSimulators
        }
    }

    private func mostWaiting(_ party: Party) -> Int {
        switch party {
        case .peer: limits.waitingCallsOfOnePeer
        case .simulators: limits.waitingCallsOfSimulators
        }
    }

    private mutating func begin(_ party: Party) {
        running[party, default: 0] += 1
        runningCount += 1
    }

    private mutating func takeTurn(_ party: Party) {
        guard waiting[party] != nil, mayRunMore(party), hasTurn.insert(party).inserted else { return }
        turns.append(party)
    }
}
