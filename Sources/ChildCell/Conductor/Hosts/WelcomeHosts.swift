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
    let book: HostBook
    let orders: OrderDigests
    let ratios: Region.AllocationRatios
    let log: Logger
    private let store: Batcher<HostStore.Host, HostStore.Host>

    init(database: Database, book: HostBook, orders: OrderDigests, ratios: Region.AllocationRatios, log: Logger) {
        self.database = database
        self.book = book
        self.orders = orders
        self.ratios = ratios
        self.log = log
        store = Batcher(largest: 200) { hosts in
            // One row a host and batch: a host that says hello twice meanwhile is the same host.
            let latest = Dictionary(hosts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            let saved = try await HostStore().upsert(Array(latest.values), in: database)
            let byName = Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0) })
            return hosts.map { byName[$0.name] ?? $0 }
        }
    }

    func callAsFunction(_ hello: HostHello, from host: HostName) async throws {
        let now = Timestamp.now()
        let size = hello.inventory.size
        let total = ResourceSize(
            vcpus: Int((Double(size.vcpus) * ratios.vcpus).rounded(.down)),
            ram: Int((Double(size.ram) * ratios.memory).rounded(.down)),
            disk: Int((Double(size.disk) * ratios.disk).rounded(.down)))
        let known = try await store(
            HostStore.Host(
                name: host, inventory: hello.inventory, total: total, used: .zero, enabled: true, up: true, lastSeen: now,
                release: hello.release, revision: 1))
        await book.put(known)
        await orders.forget([host])
        try await listStrangers(hello.guests, on: host, at: now)
        await book.greeted(host)
    }

    private func listStrangers(_ guests: [HostHello.Guest], on host: HostName, at now: Timestamp) async throws {
        guard !guests.isEmpty else {
            try await database.query("DELETE FROM cell.strangers WHERE host = \(host)")
            return
        }
        let records = try await CellServerStore().read(guests.map(\.observation.server), in: database)
        let here = Set(records.filter { $0.host == host && $0.isOrdered }.map(\.id))
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
