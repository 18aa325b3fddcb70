internal import CellProtocol
internal import CloudModel
internal import Database

/// Claims room for servers that were ranked. Called for one list at a time: what it takes shows in the conductor's copy of the hosts
/// before the next begins. Servers that other lists have forestalled are ranked again while nobody else claims, so that one is without a
/// host only if none fits on a picture in which everybody's claims show.
struct ClaimRoom: Sendable {
    let database: Database
    let claims: ClaimStore
    let rank: Batcher<[RankHosts.Request], [Elimination]>
    let memory: CellMemory
    let claimTTL: Duration

    /// Each round after the first is a ranking and a commit that every other list waits for. The second puts right what others claimed
    /// since the first ranking; the third, what the conductor's copy of the hosts had wrong. What goes wrong after that is a host that is
    /// lost in the moment.
    private static let rounds = 3

    /// - Throws: `CloudError.unavailable` when somebody would have to be ranked again and the scheduler doesn't answer, or the asker waits
    ///   no more: whether there is room is unknown then. What was claimed is found again when it is asked for again, or expires.
    func callAsFunction(_ ranked: Seekers, before deadline: ContinuousClock.Instant?) async throws -> Seekers {
        var seekers = ranked
        for round in 1...Self.rounds {
            if round == Self.rounds { try await memory.refresh(always: true) }
            if round > 1 {
                if let deadline, deadline <= .now {
                    throw CloudError(.unavailable, "There was no time left to rank the cell's hosts again.")
                }
                seekers.ranked(try await rank(seekers.questions))
            }
            let wishes = seekers.wishes
            if wishes.isEmpty { break }
            let expiry = Timestamp.now() + claimTTL
            let claimed = try await memory.following {
                try await database.transaction { try await claims.claim(wishes, until: expiry, in: $0) }
            }
            await memory.book.apply(claimed.change)
            seekers.claimed(claimed.claims)
            if seekers.wishes.isEmpty { break }
        }
        return seekers
    }
}
