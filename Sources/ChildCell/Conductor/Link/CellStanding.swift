internal import CellProtocol
internal import CloudModel
internal import Database

/// Whether the cell may act on what its database says; the highest epoch it has seen; and the hosts that it waits for after a restore.
actor CellStanding {
    /// How far the cell trusts its own database.
    enum Phase: Sendable, Equatable {
        /// The conductor has just started: whether the database was put back to an earlier state is the API cell's to say.
        case unverified
        case working
        /// The database lacks what the API cell has stored: it was restored from a backup.
        case recovering
    }

    private let database: Database
    private(set) var phase = Phase.unverified
    /// Hosts that have not said since the restore what they have, and may have servers that nobody else has.
    private(set) var awaited: Set<HostName> = []

    /// When hosts last brought a recovery about by their word alone.
    private var believed: [HostName: ContinuousClock.Instant] = [:]
    /// So long a host's word alone brings about no other recovery. Longer would leave a database that is put back twice to the feed's
    /// word; shorter lets one host keep its cell from working.
    private static let beliefHolds = Duration.seconds(600)

    init(database: Database) { self.database = database }

    /// Whether the host's word alone is enough to begin a recovery, and notes that it was.
    func believes(_ host: HostName, at now: ContinuousClock.Instant) -> Bool {
        if let last = believed[host], last.duration(to: now) < Self.beliefHolds { return false }
        believed[host] = now
        return true
    }

    var isWorking: Bool { phase == .working }
    var isRecovering: Bool { phase == .recovering }
    var state: CellSummary.State { isRecovering ? .recovering : .up }

    func load() async throws {
        let row = try await database.query("SELECT recovering, awaited FROM cell.standing").first
        let (reason, hosts): (String?, [HostName]) = (try row?.get("recovering"), try row?.get("awaited") ?? [])
        awaited = Set(hosts)
        if reason != nil { phase = .recovering }
    }

    func highestEpoch() async throws -> PlacementEpoch {
        try await database.query("SELECT highest_epoch FROM cell.standing").first?.get("highest_epoch") ?? .none
    }

    /// The API cell knows nothing that the database lacks, or nobody is there to ask. True: the cell acts from now on.
    func verified() -> Bool {
        guard phase == .unverified else { return false }
        phase = .working
        return true
    }

    /// From here on the cell starts and destroys nothing, until `endRecovery`; also over a restart.
    func beginRecovery(_ reason: String, of book: HostBook) async throws {
        // What hosts said before they were given orders from this database tells nothing of what they do now.
        if phase == .working { await book.forgetSightings() }
        phase = .recovering
        try await database.query("UPDATE cell.standing SET recovering = \(reason)")
    }

    func endRecovery(awaiting hosts: Set<HostName>) async throws {
        try await database.query("UPDATE cell.standing SET recovering = NULL, awaited = \(hosts.sorted())")
        awaited = hosts
        phase = .working
    }

    /// A host has spoken. Returns whether it was the last that was waited for.
    func heard(_ host: HostName, in transaction: Transaction) async throws -> Bool {
        let rows = try await transaction.query(
            "UPDATE cell.standing SET awaited = array_remove(awaited, \(host)) WHERE \(host) = ANY(awaited) RETURNING awaited")
        guard let row = rows.first else { return false }
        return try (row.get("awaited") as [HostName]).isEmpty
    }

    func stopAwaiting(_ host: HostName) { awaited.remove(host) }

    /// Throws unless the cell may act.
    func mustBeWorking() throws {
        switch phase {
        case .working: return
        case .unverified:
            throw CloudError(
                .unavailable, "The cell has just started and has not heard yet whether its database is the latest.",
                retryAfter: 1)
        case .recovering:
            throw CloudError(
                .unavailable,
                "The cell is recovering from a restore of its database and changes nothing until it has caught up.",
                retryAfter: 5)
        }
    }
}
