internal import CellProtocol
internal import CloudModel
internal import Database
internal import Logging
internal import Observability
internal import RegionConfig

/// A host comes up: its inventory is written down, its guests are compared with the records, and what nobody ordered is listed, never
/// touched.
struct WelcomeHosts: Sendable {
    let database: Database
    let standing: CellStanding
    let changes: ServerChanges
    let ratios: Region.AllocationRatios
    let doubt: DoubtDatabase
    let log: Logger
    private let store: Batcher<HostStore.Host, HostStore.Host>

    init(
        database: Database, standing: CellStanding, changes: ServerChanges, ratios: Region.AllocationRatios,
        doubt: DoubtDatabase, log: Logger
    ) {
        self.database = database
        self.standing = standing
        self.changes = changes
        self.ratios = ratios
        self.doubt = doubt
        self.log = log
        store = Batcher(largest: 200, mayBeOnes: { ($0 as? DatabaseError)?.isConnectionLoss != true }) { hosts in
            // One row a host and batch: a host that says hello twice meanwhile is the same host.
            let latest = Dictionary(hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            let saved = try await HostStore().upsert(Array(latest.values), in: database)
            let byName = Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0) })
            return hosts.map { byName[$0.name] ?? $0 }
        }
    }

    func callAsFunction(_ hello: HostHello, from host: HostName) async throws {
        let now = Timestamp.now()
        let total = hello.inventory.size.allocated(by: ratios)
        let known = try await store(
            HostStore.Host(
                name: host, inventory: hello.inventory, total: total, used: .zero, enabled: true, up: true, lastSeen: now,
                release: hello.release, revision: 1))
        await changes.memory.book.put(known)
        await changes.memory.orders.forget([host])
        let held = Sightings.sightings(hello, on: host)
        var records = try await read(held)
        try await doubtDatabase(held, records, from: host)
        let wasWorking = await standing.isWorking
        if wasWorking, try await lookForLost(held, on: host) { records = try await read(held) }
        try await listStrangers(hello.guests, on: host, among: records, at: now)
        await changes.memory.book.greeted(host, hello, isWorking: await standing.isWorking)
        // It may have begun to work meanwhile. If it does so only now, the host has to say it again (`RecoverCell.end`).
        if !wasWorking, await standing.isWorking, try await lookForLost(held, on: host) {
            try await listStrangers(hello.guests, on: host, among: try await read(held), at: now)
        }
    }

    /// The database stores a placement, and each revision of an order, before a host hears of it. A host that holds a later one proves
    /// that the database was put back, be it by a moment of which the feed has told nothing.
    private func doubtDatabase(
        _ held: [ServerID: Sightings.Sighting], _ records: [ServerRecord], from host: HostName
    ) async throws {
        guard await !standing.isRecovering, let latest = held.values.map(\.epoch).max() else { return }
        if try await latest > standing.highestEpoch() {
            return try await doubt("\(host) holds placement \(latest), which this database lacks.", saidBy: host)
        }
        // One that was waited for may well know more than records that were written without it.
        guard await !standing.awaited.contains(host) else { return }
        for record in records where !record.isSettled {
            guard let seen = held[record.id], seen.epoch == record.epoch, seen.revision > record.orderRevision else { continue }
            return try await doubt(
                "\(host) holds order \(seen.revision) of \(record.id), which this database lacks.", saidBy: host)
        }
    }

    /// After a recovery: servers that no other host had may be here; when the last host has spoken, those that nobody has are built anew.
    /// Returns whether records may have changed.
    private func lookForLost(_ sightings: [ServerID: Sightings.Sighting], on host: HostName) async throws -> Bool {
        guard await standing.awaited.contains(host) else { return false }
        let sought = Set(try await CellServerStore().sought(in: database))
        let found = try await changes(sought) { draft, transaction in
            let isLast = try await standing.heard(host, in: transaction)
            let now = Timestamp.now()
            var found: [ServerRecord] = []
            for server in sought {
                if let seen = sightings[server], seen.epoch == draft.records[server]?.epoch {
                    draft.change(server) { $0.found(seen, at: now) }
                    if let record = draft.records[server], record.holdsClaim { found.append(record) }
                } else if isLast {
                    draft.change(server) { $0.foundNowhere(at: now) }
                }
            }
            draft.claims += try await ClaimStore().restore(found, in: transaction)
            return found.count
        }
        await standing.stopAwaiting(host)
        log.notice(
            "a host that was waited for has said what it has",
            metadata: [.host: "\(host)", "found": "\(found)", "sought": "\(sought.count)"])
        return true
    }

    private func read(_ held: [ServerID: Sightings.Sighting]) async throws -> [ServerRecord] {
        held.isEmpty ? [] : try await CellServerStore().read(held.keys.sorted(), in: database)
    }

    private func listStrangers(
        _ guests: [HostHello.Guest], on host: HostName, among records: [ServerRecord], at now: Timestamp
    ) async throws {
        guard !guests.isEmpty else {
            try await database.query("DELETE FROM cell.strangers WHERE host = \(host)")
            return
        }
        let here = Set(records.filter { $0.isExpected(on: host) }.map(\.id))
        let strangers = guests.filter { !here.contains($0.observation.server) }
        try await database.transaction { transaction in
            try await transaction.query("DELETE FROM cell.strangers WHERE host = \(host)")
            for guest in strangers {
                try await transaction.query(
                    """
                    INSERT INTO cell.strangers (server, host, epoch, power, spec, seen_at)
                    VALUES (\(guest.observation.server), \(host), \(guest.observation.epoch), \(guest.observation.power),
                        \(json: guest.spec), \(now))
                    """)
            }
        }
        if !strangers.isEmpty {
            log.warning(
                "host has guests that nobody ordered",
                metadata: [.host: "\(host)", "guests": "\(strangers.map(\.observation.server))"])
        }
    }
}
