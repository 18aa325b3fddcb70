import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Logging
import RegionConfig
import Testing

@testable import Conductor

/// A host that was silent during a recovery, and what comes of its word.
@Suite(.timeLimit(.minutes(3))) struct AwaitedHostTests {
    private static let host: HostName = "compute-1.tunis"
    private static let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// A cell in the middle of a recovery.
    private func withCell(_ body: (CellStanding, CellMemory, WelcomeHosts) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
            let memory = CellMemory(database: database, book: HostBook(), orders: OrderDigests())
            let standing = CellStanding(database: database)
            let changes = ServerChanges(
                database: database, memory: memory, wakeHosts: { _ in }, news: WakeUp(), seekers: WakeUp())
            let region = try RegionFile.parse(
                """
                region: {name: tunis}
                child_cell:
                  address: 127.0.0.1
                  ports: {agents_control: 1, agents_bulk: 2, conductor_health: 3, scheduler_health: 4, postgresql: 5}
                  scheduling: {policy: simple}
                  allocation_ratios: {vcpus: 1.0, memory: 1.0, disk: 1.0}
                compute_host: {hypervisor: simulated, ports: {health: 6}, hosts: [{name: compute-1, address: 127.0.0.1}]}
                """, file: "tunis.yml")
            let welcome = WelcomeHosts(
                database: database, standing: standing, changes: changes, ratios: region.childCell.allocationRatios,
                doubt: DoubtDatabase(standing: standing, book: memory.book, recover: {}, log: Self.log),
                log: Self.log)
            try await welcome(hello, from: Self.host)
            try await standing.beginRecovery("The test says so.", of: memory.book)
            try await body(standing, memory, welcome)
        }
    }

    private var hello: HostHello {
        HostHello(
            inventory: HostInventory(
                size: ResourceSize(vcpus: 8, ram: 8_192, disk: 100), hypervisorType: "fake", hypervisorVersion: 1,
                acceleration: "simulated", traits: [], cachedImages: [], zone: "tunis", address: "127.0.0.1"),
            guests: [], release: "1")
    }

    /// Whether nothing waits for the host, or it is still to be asked.
    private func isHeardOrAsked(_ standing: CellStanding, _ memory: CellMemory) async -> Bool {
        let (isAwaited, isAsked) = (await standing.awaited.contains(Self.host), await memory.book.hasForgotten(Self.host))
        return !isAwaited || isAsked
    }

    /// The database's answers bring the two together in ever another order.
    @Test func aHelloThatComesAsTheRecoveryEndsIsHeardOrAskedForAgain() async throws {
        try await withCell { standing, memory, welcome in
            for round in 0..<60 {
                async let end = {
                    try await Task.sleep(for: .microseconds(150 * (round % 20)))
                    return try await RecoverCell.end(awaiting: [Self.host], standing, memory)
                }()
                async let spoken: Void = welcome(hello, from: Self.host)
                _ = try await (end, spoken)
                #expect(await isHeardOrAsked(standing, memory), "round \(round)")
                try await standing.beginRecovery("Once more.", of: memory.book)
            }
        }
    }

    @Test func anAwaitedHostThatSpeaksIsWaitedForNoMore() async throws {
        try await withCell { standing, memory, welcome in
            _ = try await RecoverCell.end(awaiting: [Self.host], standing, memory)
            #expect(await memory.book.hasForgotten(Self.host))
            try await welcome(hello, from: Self.host)
            #expect(await standing.awaited.isEmpty)
        }
    }
}
