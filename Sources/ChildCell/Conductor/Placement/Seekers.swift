internal import CellProtocol
internal import CloudModel

/// Servers that look for a host together: how each was ranked last, and which have claimed one. A pure value.
struct Seekers: Sendable {
    let requests: [ReserveHost.Request]
    /// Hosts that failed a server already.
    let avoiding: [ServerID: [HostName]]
    private var eliminations: [ServerID: Elimination] = [:]
    private var granted: [ServerID: HostName] = [:]

    init(_ requests: [ReserveHost.Request], avoiding: [ServerID: [HostName]] = [:]) {
        self.requests = requests
        self.avoiding = avoiding
    }

    /// What the scheduler is asked: of all at first, then of those that others have forestalled on the hosts that fitted.
    var questions: [RankHosts.Request] {
        seeking.map { RankHosts.Request(server: $0.server, spec: $0.spec, avoiding: avoiding[$0.server] ?? []) }
    }

    /// The scheduler's answers to `questions`, in their order.
    mutating func ranked(_ answers: [Elimination]) {
        for (request, elimination) in zip(seeking, answers) { eliminations[request.server] = elimination }
    }

    /// What is left to claim: a server that fits nowhere wishes nothing.
    var wishes: [ClaimStore.Wish] {
        seeking.compactMap { request in
            guard let elimination = eliminations[request.server] else { return nil }
            return ClaimStore.Wish(
                server: request.server, epoch: request.epoch, size: request.spec.flavor.size, group: request.spec.group,
                hosts: elimination.ranked)
        }
    }

    mutating func claimed(_ claims: [ServerID: HostName]) { granted.merge(claims) { $1 } }

    func answer(to request: ReserveHost.Request) -> ReserveHost.Answer {
        let elimination = eliminations[request.server] ?? Elimination()
        guard let host = granted[request.server] else {
            return .noRoom(reason: Self.reason(for: elimination), elimination: elimination)
        }
        return .reserved(host: host, elimination: elimination)
    }

    /// Servers without a host of which no ranking has said that none fits.
    private var seeking: [ReserveHost.Request] {
        requests.filter { granted[$0.server] == nil && eliminations[$0.server]?.ranked.isEmpty != true }
    }

    /// The rules that removed the most hosts, as a sentence.
    private static func reason(for elimination: Elimination) -> String {
        if elimination.considered == 0 { return "The cell has no hosts." }
        let fitted = elimination.considered - elimination.removed.values.reduce(0, +)
        if !elimination.ranked.isEmpty { return "Other servers took the room on the \(fitted) hosts that fitted meanwhile." }
        let rules = elimination.removed.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        let list = rules.map { "\($0.key) removed \($0.value)" }.joined(separator: ", ")
        return "No host fits: of \(elimination.considered), \(list)."
    }
}
