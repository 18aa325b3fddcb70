internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Logging
internal import Messaging
internal import Observability

/// The way back for a cell whose database was restored from a backup. While it lasts nothing is started or destroyed: the hosts run what
/// they run. The API cell's rows say which servers are here and how they last were; the hosts say what they have, and what they are
/// building by orders that this database has forgotten.
struct RecoverCell: Sendable {
    let messenger: any Messenger
    let database: Database
    let standing: CellStanding
    let memory: CellMemory
    /// So long we wait for hosts to say what they have. Longer holds the cell up for a host that is dead; shorter only means that what
    /// nobody else has is looked for once that host has spoken.
    let hostsMayTake: Duration
    let log: Logger

    /// - Parameter trusting: the API cell is not behind us itself, so that what it doesn't know here is here no more.
    func callAsFunction(from hub: PeerName, resumingBehind position: FeedPosition, trusting: Bool) async throws {
        // Twice over: first for the hosts to wait for, which a database that lost everything doesn't name.
        var known: Set<ServerID> = []
        var hosts = await memory.book.up
        try await forEachPage(from: hub) { page in
            known.formUnion(page.servers.map(\.server))
            hosts.formUnion(page.hosts ?? [])
            hosts.formUnion(page.servers.compactMap { $0.lastReport?.host })
        }
        for host in hosts { messenger.cast(WakeHost(), to: .host(host)) }
        let silent = await memory.book.waitForSightings(of: hosts, atMost: hostsMayTake)
        let sightings = await memory.book.sightings
        var written = 0
        try await forEachPage(from: hub) { written += try await write($0.servers, sightings, allSpoke: silent.isEmpty) }
        let settled = trusting ? try await settle(except: known) : 0
        // The API cell keeps the highest revision of a host that it has heard; a count that went back starts above it, at the clock's.
        try await database.query(
            """
            UPDATE cell.hosts SET revision = greatest(revision + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
            """)
        // Numbers go on behind what the API cell has stored, and everything known here is told once more.
        try await FeedLog("up", schema: CellMigrations.schema, database: database).resume(behind: position)
        try await memory.refresh(always: true)
        for host in try await Self.end(awaiting: silent, standing, memory) { messenger.cast(WakeHost(), to: .host(host)) }
        log.warning(
            "the cell has recovered",
            metadata: [
                "servers": "\(written)", "settled": "\(settled)", "position": "\(position.number)",
                "awaited": "\(silent.sorted())",
            ])
    }

    /// From here on the cell works. Returns the hosts that have to tell everything again: after the cell has begun to work, so that none is
    /// among them only until a hello of before, in which nobody looked for what is sought, has been read.
    static func end(
        awaiting silent: Set<HostName>, _ standing: CellStanding, _ memory: CellMemory
    ) async throws -> Set<HostName> {
        await memory.orders.forgetAll()
        try await standing.endRecovery(awaiting: silent)
        return await memory.book.forgetReports()
    }

    private func forEachPage(from hub: PeerName, _ body: (RecoverServers.Reply) async throws -> Void) async throws {
        var after: ServerID?
        repeat {
            let page = try await messenger.call(RecoverServers(after: after), to: hub, lane: .bulk, timeout: .seconds(30))
            try await body(page)
            after = page.next
        } while after != nil
    }

    /// Settles the records of servers that the API cell doesn't have here: they were deleted, or went elsewhere, after the backup was
    /// taken, and told again they would rise from the dead. Nothing is destroyed by it: a guest that is there all the same is a stranger.
    private func settle(except known: Set<ServerID>) async throws -> Int {
        let rows = try await database.query(
            "SELECT id FROM cell.servers WHERE vm_state <> 'deleted' AND NOT (record ? 'refused')")
        let gone = try rows.map { try $0.get("id") as ServerID }.filter { !known.contains($0) }
        for start in stride(from: 0, to: gone.count, by: Self.settledAtOnce) {
            let batch = gone[start..<min(start + Self.settledAtOnce, gone.count)]
            try await database.transaction { transaction in
                let now = Timestamp.now()
                let records = try await CellServerStore().lock(Set(batch), in: transaction).values.map { held in
                    var record = held
                    record.refuse("After a restore of the cell's database, the API cell doesn't have the server here.", at: now)
                    record.holdsClaim = false
                    return record
                }
                try await CellServerStore().save(records, in: transaction)
                _ = try await ClaimStore().release(Array(batch), in: transaction)
            }
        }
        return gone.count
    }

    /// More in one transaction only hold their rows for longer.
    private static let settledAtOnce = 200

    /// Writes the records that the restore lost or made old, and the claims they have now.
    private func write(_ known: [RecoverServers.Known], _ sightings: Sightings, allSpoke: Bool) async throws -> Int {
        try await database.transaction { transaction in
            let store = CellServerStore()
            let held = try await store.lock(Set(known.map(\.server)), in: transaction)
            let now = Timestamp.now()
            let renewed = known.compactMap {
                ServerRecord.recovered(
                    $0, held: held[$0.server], seen: sightings.sighting(of: $0.server, epoch: $0.epoch), allSpoke: allSpoke,
                    at: now)
            }
            try await store.save(renewed, in: transaction)
            if let highest = known.map(\.epoch).max() {
                try await transaction.query(
                    "UPDATE cell.standing SET highest_epoch = \(highest) WHERE highest_epoch < \(highest)")
            }
            // A claim may be on the host that the restored record named.
            _ = try await ClaimStore().release(renewed.map(\.id), in: transaction)
            _ = try await ClaimStore().restore(renewed.filter(\.holdsClaim), in: transaction)
            return renewed.count
        }
    }
}
