internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Logging
internal import Messaging
internal import Observability

/// The way back for a cell whose database was restored from a backup. While it lasts nothing is started or destroyed: the hosts run what
/// they run. The API cell's rows say which servers are here and how they last were; the hosts' guests carry the orders they applied.
struct RecoverCell: Sendable {
    let messenger: any Messenger
    let database: Database
    let standing: CellStanding
    let book: HostBook
    let orders: OrderDigests
    let log: Logger

    /// So long we wait for hosts to say which guests they have. Longer holds the cell up for a host that is dead; shorter may take a
    /// guest that runs for one that was never built.
    static let hostsMayTake = Duration.seconds(15)

    /// - Parameter trusting: the API cell is not behind us itself, so that what it doesn't know here is here no more.
    func callAsFunction(from hub: PeerName, resumingBehind position: FeedPosition, trusting: Bool) async throws {
        // Twice over: first for the hosts to wait for, which a database that lost everything doesn't name.
        var known: Set<ServerID> = []
        var hosts: Set<HostName> = []
        try await forEachPage(from: hub) { page in
            known.formUnion(page.map(\.server))
            hosts.formUnion(page.compactMap { $0.lastReport?.host })
        }
        await book.waitForGreetings(and: hosts, atMost: Self.hostsMayTake)
        var written = 0
        try await forEachPage(from: hub) { written += try await write($0) }
        let settled = trusting ? try await settle(except: known) : 0
        // The API cell keeps the highest revision of a host that it has heard; a count that went back starts above it, at the clock's.
        try await database.query(
            """
            UPDATE cell.hosts SET revision = greatest(revision + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
            """)
        // Numbers go on behind what the API cell has stored, and everything known here is told once more.
        try await FeedLog("up", schema: CellMigrations.schema, database: database).resume(behind: position)
        let forgotten = await book.forgetReports()
        try await standing.endRecovery()
        await orders.forgetAll()
        for host in forgotten { messenger.cast(WakeHost(), to: .host(host)) }
        log.warning(
            "the cell has recovered",
            metadata: ["servers": "\(written)", "settled": "\(settled)", "position": "\(position.number)"])
    }

    private func forEachPage(from hub: PeerName, _ body: ([RecoverServers.Known]) async throws -> Void) async throws {
        var after: ServerID?
        repeat {
            let page = try await messenger.call(RecoverServers(after: after), to: hub, lane: .bulk, timeout: .seconds(30))
            try await body(page.servers)
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
            let usage = try await database.transaction { transaction in
                let now = Timestamp.now()
                let records = try await CellServerStore().lock(Set(batch), in: transaction).values.map { held in
                    var record = held
                    record.refuse("After a restore of the cell's database, the API cell doesn't have the server here.", at: now)
                    record.holdsClaim = false
                    return record
                }
                try await CellServerStore().save(records, in: transaction)
                return try await ClaimStore().release(Array(batch), in: transaction)
            }
            await book.setUsage(usage)
        }
        return gone.count
    }

    /// More in one transaction only hold their rows for longer.
    private static let settledAtOnce = 200

    /// Writes the records that the restore lost or made old. A record that is as new as the API cell's last word stays.
    private func write(_ known: [RecoverServers.Known]) async throws -> Int {
        let usage: ClaimStore.Usage
        let written: Int
        (usage, written) = try await database.transaction { transaction in
            let store = CellServerStore()
            let held = try await store.lock(Set(known.map(\.server)), in: transaction)
            let now = Timestamp.now()
            let guests = try await strangers(known.map(\.server), in: transaction)
            let renewed = known.compactMap {
                ServerRecord(recovered: $0, guest: guests[$0.server], over: held[$0.server], at: now)
            }
            try await store.save(renewed, in: transaction)
            if let highest = known.map(\.epoch).max() {
                try await transaction.query(
                    "UPDATE cell.standing SET highest_epoch = \(highest) WHERE highest_epoch < \(highest)")
            }
            _ = try await ClaimStore().release(renewed.filter { !$0.holdsClaim }.map(\.id), in: transaction)
            return (try await ClaimStore().restore(renewed.filter(\.holdsClaim), in: transaction), renewed.count)
        }
        await book.setUsage(usage)
        return written
    }

    /// Where the guests of these servers are, by their hosts' own word.
    private func strangers(_ servers: [ServerID], in transaction: Transaction) async throws -> [ServerID: Guest] {
        let rows = try await transaction.query(
            """
            DELETE FROM cell.strangers s USING cell.hosts h
            WHERE s.server = ANY(\(servers)) AND h.name = s.host RETURNING s.server, s.host, s.epoch, h.zone
            """)
        return Dictionary(
            try rows.map { try ($0.get("server"), Guest(host: $0.get("host"), epoch: $0.get("epoch"), zone: $0.get("zone"))) },
            uniquingKeysWith: { $0.epoch < $1.epoch ? $1 : $0 })
    }

    /// A guest that a host has.
    struct Guest: Sendable {
        let host: HostName
        let epoch: PlacementEpoch
        let zone: ZoneName
    }
}

extension ServerRecord {
    /// The record of a server as the API cell last heard of it, and as its host has it; nil if `held` is not older, or if neither knows
    /// more than that it was to be built.
    init?(recovered known: RecoverServers.Known, guest: RecoverCell.Guest?, over held: ServerRecord?, at now: Timestamp) {
        let report = known.lastReport.flatMap { $0.epoch == known.epoch ? $0 : nil }
        let guest = guest.flatMap { $0.epoch == known.epoch ? $0 : nil }
        guard report != nil || guest != nil else { return nil }
        if let held, held.epoch > known.epoch || (held.epoch == known.epoch && held.revision >= (report?.revision ?? 0)) {
            return nil
        }
        self.init(id: known.server, epoch: known.epoch, spec: known.spec, at: now)
        if let report {
            vmState = report.vmState
            powerState = report.powerState
            doneThrough = report.doneThrough
            fault = report.fault
            launchedAt = report.launchedAt
            terminatedAt = report.terminatedAt
            revision = report.revision
            refused = report.refused
        }
        host = guest?.host ?? report?.host
        zone = guest?.zone ?? report?.zone
        holdsClaim = host != nil && !isSettled
        // A build goes on where it was when its create comes again; any other guest is kept as it is.
        build = doneThrough == 0 && host != nil && !isSettled ? .spawning : .finished
        desired = vmState == .stopped ? .stopped : .running
        // Below any revision that the host has applied: its first report lifts it (see `take`). A guest that isn't there is not built
        // again: such an order has no build deadline.
        orderRevision = isSettled ? 0 : 1
        if let held, held.epoch == epoch, !isSettled {
            // A host may have reported before the restore was noticed; it was acknowledged and doesn't say it again.
            orderRevision = max(1, held.orderRevision)
            appliedRevision = held.appliedRevision
        }
        presence = guest != nil || launchedAt != nil ? .present : .absent
    }
}
