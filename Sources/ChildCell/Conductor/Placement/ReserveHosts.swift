internal import CellProtocol
internal import CloudModel
internal import Database

/// Finds room for servers: the scheduler ranks, then a claim is made in SQL under the host rows' own guard; on conflict the next rank, and
/// when others have taken them all, another ranking.
struct ReserveHosts: Sendable {
    let database: Database
    private let claims = ClaimStore()
    private let rank: Batcher<[RankHosts.Request], [Elimination]>
    private let claim: Batcher<Ranked, Seekers>
    private let claimTTL: Duration

    /// Servers in one list of questions: at 1 to 2 KB each well below the control lane's 1 MiB.
    private static let largestList = 64

    private struct Ranked: Sendable {
        let seekers: Seekers
        let deadline: ContinuousClock.Instant?
    }

    init(
        database: Database, rank: Batcher<[RankHosts.Request], [Elimination]>, memory: CellMemory, claimTTL: Duration
    ) {
        self.database = database
        self.rank = rank
        self.claimTTL = claimTTL
        let claimRoom = ClaimRoom(database: database, claims: claims, rank: rank, memory: memory, claimTTL: claimTTL)
        claim = Batcher(largest: 1) { lists in
            var found: [Seekers] = []
            for list in lists { found.append(try await claimRoom(list.seekers, before: list.deadline)) }
            return found
        }
    }

    /// A rank of hosts for each list of questions. Those that came together stay together: one list is one message.
    static func ranking(by ranker: HostRanker) -> Batcher<[RankHosts.Request], [Elimination]> {
        Batcher(largest: 1) { lists in
            var answers: [[Elimination]] = []
            for list in lists { answers.append(try await ranker(list)) }
            return answers
        }
    }

    /// Hosts for these servers, reserved until the claims' time is over. Idempotent by (server, epoch).
    ///
    /// - Parameter deadline: when nobody waits for the answer any more.
    func callAsFunction(
        _ requests: [ReserveHost.Request], before deadline: ContinuousClock.Instant? = nil
    ) async throws -> [ReserveHost.Answer] {
        try await find(requests, held: try await stillHeld(requests), avoiding: [:], before: deadline)
    }

    /// Other hosts for servers that the cell has and whose last host failed.
    func again(_ requests: [ReserveHost.Request], avoiding: [ServerID: [HostName]]) async throws -> [ReserveHost.Answer] {
        try await find(requests, held: [:], avoiding: avoiding, before: nil)
    }

    private func find(
        _ requests: [ReserveHost.Request], held: [ServerID: ReserveHost.Answer], avoiding: [ServerID: [HostName]],
        before deadline: ContinuousClock.Instant?
    ) async throws -> [ReserveHost.Answer] {
        let open = requests.filter { held[$0.server] == nil }
        var answers = held
        for start in stride(from: 0, to: open.count, by: Self.largestList) {
            var seekers = Seekers(Array(open[start..<min(start + Self.largestList, open.count)]), avoiding: avoiding)
            seekers.ranked(try await rank(seekers.questions))
            if !seekers.wishes.isEmpty { seekers = try await claim(Ranked(seekers: seekers, deadline: deadline)) }
            for request in seekers.requests { answers[request.server] = seekers.answer(to: request) }
        }
        return requests.compactMap { answers[$0.server] }
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
}
