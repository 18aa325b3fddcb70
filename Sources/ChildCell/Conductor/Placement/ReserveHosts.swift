internal import CellProtocol
internal import CloudModel
internal import Database

/// Finds room for servers: the scheduler ranks, then a claim is made in SQL under the host rows' own guard; on conflict the next rank.
struct ReserveHosts: Sendable {
    let database: Database
    let claims = ClaimStore()
    let rank: Batcher<[RankHosts.Request], [Elimination]>
    let memory: CellMemory
    let claimTTL: Duration

    /// Servers in one list of questions: at 1 to 2 KB each well below the control lane's 1 MiB.
    private static let largestList = 64

    /// A rank of hosts for each list of questions. Those that came together stay together: one list is one message.
    static func ranking(by ranker: HostRanker) -> Batcher<[RankHosts.Request], [Elimination]> {
        Batcher(largest: 1) { lists in
            var answers: [[Elimination]] = []
            for list in lists { answers.append(try await ranker(list)) }
            return answers
        }
    }

    /// Hosts for these servers, reserved until the claims' time is over. Idempotent by (server, epoch).
    func callAsFunction(_ requests: [ReserveHost.Request]) async throws -> [ReserveHost.Answer] {
        try await find(requests, held: try await stillHeld(requests), avoiding: [:])
    }

    /// Other hosts for servers that the cell has and whose last host failed.
    func again(_ requests: [ReserveHost.Request], avoiding: [ServerID: [HostName]]) async throws -> [ReserveHost.Answer] {
        try await find(requests, held: [:], avoiding: avoiding)
    }

    private func find(
        _ requests: [ReserveHost.Request], held: [ServerID: ReserveHost.Answer], avoiding: [ServerID: [HostName]]
    ) async throws -> [ReserveHost.Answer] {
        let open = requests.filter { held[$0.server] == nil }
        let questions = open.map {
            RankHosts.Request(server: $0.server, spec: $0.spec, avoiding: avoiding[$0.server] ?? [])
        }
        var eliminations: [Elimination] = []
        for start in stride(from: 0, to: questions.count, by: Self.largestList) {
            eliminations += try await rank(Array(questions[start..<min(start + Self.largestList, questions.count)]))
        }
        let ranked = Dictionary(zip(open.map(\.server), eliminations), uniquingKeysWith: { first, _ in first })
        let now = Timestamp.now()
        let wishes = open.map { request in
            ClaimStore.Wish(
                server: request.server, epoch: request.epoch, size: request.spec.flavor.size, group: request.spec.group,
                hosts: ranked[request.server]?.ranked ?? [])
        }
        let hopeful = wishes.filter { !$0.hosts.isEmpty }
        var granted: [ServerID: HostName] = [:]
        if !hopeful.isEmpty {
            let claimed = try await memory.following {
                try await database.transaction { transaction in
                    try await claims.claim(hopeful, until: now + claimTTL, in: transaction)
                }
            }
            granted = claimed.claims
            await memory.book.apply(claimed.change)
        }
        return requests.map { request in
            if let answer = held[request.server] { return answer }
            let elimination = ranked[request.server] ?? Elimination()
            guard let host = granted[request.server] else {
                return .noRoom(reason: Self.reason(for: elimination), elimination: elimination)
            }
            return .reserved(host: host, elimination: elimination)
        }
    }

    /// What the database already holds of these servers: a claim of theirs, or a reason never to take them under this epoch.
    private func stillHeld(_ requests: [ReserveHost.Request]) async throws -> [ServerID: ReserveHost.Answer] {
        let ids = requests.map(\.server)
        let epochs = Dictionary(requests.map { ($0.server, $0.epoch) }, uniquingKeysWith: max)
        let now = Timestamp.now()
        // Nearly always they are new here: one look without a lock then does. What comes after it would have come after the lock too.
        let known = try await database.query(
            """
            SELECT EXISTS (SELECT FROM cell.claims WHERE server = ANY(\(ids)))
                OR EXISTS (SELECT FROM cell.servers WHERE id = ANY(\(ids))) AS known
            """)
        guard try known.first?.get("known") ?? true else { return [:] }
        return try await database.transaction { transaction in
            var answers: [ServerID: ReserveHost.Answer] = [:]
            for record in try await CellServerStore().lock(Set(ids), in: transaction).values {
                guard let epoch = epochs[record.id] else { continue }
                if !record.isSettled || record.epoch >= epoch || record.vmState == .deleted {
                    answers[record.id] = .noRoom(
                        reason: record.isSettled
                            ? "The cell has given this server back already." : "The cell has this server already.",
                        elimination: Elimination())
                }
            }
            for (server, claim) in try await claims.existing(ids, in: transaction) {
                guard answers[server] == nil, let epoch = epochs[server], claim.epoch <= epoch else { continue }
                try await transaction.query(
                    """
                    UPDATE cell.claims SET epoch = \(epoch), expires_at = \(now + claimTTL)
                    WHERE server = \(server) AND expires_at IS NOT NULL
                    """)
                answers[server] = .reserved(host: claim.host, elimination: Elimination(considered: 1, ranked: [claim.host]))
            }
            return answers
        }
    }

    /// The rules that removed the most hosts, as a sentence.
    static func reason(for elimination: Elimination) -> String {
        if elimination.considered == 0 { return "The cell has no hosts." }
        let rules = elimination.removed.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        if rules.isEmpty { return "Other servers took the room on all \(elimination.considered) hosts meanwhile." }
        let list = rules.map { "\($0.key) removed \($0.value)" }.joined(separator: ", ")
        return "No host fits: of \(elimination.considered), \(list)."
    }
}
