import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Logging
import Testing

@testable import Conductor

/// Reports of many hosts share a transaction: what the database refuses of one is not to fail the others.
@Suite(.timeLimit(.minutes(3))) struct ReportBatchTests {
    @Test func aReportThatCantBeStoredFailsAlone() async throws {
        try await withDatabase { database in
            try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
            let book = HostBook()
            let changes = ServerChanges(
                database: database, memory: CellMemory(database: database, book: book, orders: OrderDigests()),
                wakeHosts: { _ in }, news: WakeUp(), seekers: WakeUp())
            let doubt = DoubtDatabase(
                standing: CellStanding(database: database), book: book, recover: {}, log: Logger(label: "test"))
            let take = TakeReports(changes: changes, doubt: doubt)
            let hosts: [HostName] = ["first.tunis", "bad.tunis", "good.tunis"]
            let records = hosts.map { host in
                var record = ServerRecord(id: .random(), epoch: PlacementEpoch(7), spec: .unknown, at: .now())
                _ = record.claimed(host, zone: "tunis", at: .now())
                return record
            }
            try await database.transaction { try await CellServerStore().save(records, in: $0) }
            func report(_ index: Int, progress: String) async throws {
                let seen = Observation(
                    server: records[index].id, epoch: PlacementEpoch(7), appliedRevision: 0, presence: .building,
                    power: .noState, progress: progress)
                try await take([seen], from: hosts[index])
            }
            // The first waits for its row, and the others for the first: they share the batch after it.
            let (held, release) = AsyncStream<Void>.makeStream()
            defer { release.finish() }
            let (locked, lock) = AsyncStream<Void>.makeStream()
            let holder = Task {
                defer { lock.finish() }
                try await database.transaction { transaction in
                    _ = try await CellServerStore().lock([records[0].id], in: transaction)
                    lock.finish()
                    for await _ in held {}
                }
            }
            for await _ in locked {}
            let first = Task { try await report(0, progress: "networking") }
            try await Task.sleep(for: .milliseconds(100))
            let bad = Task { try await report(1, progress: "net\0working") }
            let good = Task { try await report(2, progress: "networking") }
            try await Task.sleep(for: .milliseconds(100))
            release.finish()
            try await holder.value
            try await first.value
            try await good.value
            await #expect(throws: (any Error).self) { try await bad.value }
            let stored = try await CellServerStore().read(records.map(\.id), in: database)
            let progress = Dictionary(stored.map { ($0.id, $0.progress) }, uniquingKeysWith: { $1 })
            #expect(records.map { progress[$0.id] } == ["networking", "spawning", "networking"])
        }
    }

    /// What a host says is cut to what can be true before it gets there.
    @Test func aHostThatSaysWhatCantBeTrueIsRefusedAlone() throws {
        let refusals = HostRefusals(log: .init(label: "test"))
        var bad = Observation(
            server: .random(), epoch: PlacementEpoch(7), appliedRevision: .max, presence: .present, power: .running)
        var good = bad
        good.appliedRevision = 3
        #expect(refusals.checked([bad, good], from: "a.tunis") == [good])
        bad.appliedRevision = 1
        let huge = HostInventory(
            size: ResourceSize(vcpus: .max, ram: 1, disk: 1), hypervisorType: "fake", hypervisorVersion: 1,
            acceleration: "simulated", traits: [], cachedImages: [], zone: "tunis", address: "")
        let error = #expect(throws: CloudError.self) {
            try refusals.checked(HostHello(inventory: huge, guests: [], release: "1"), from: "a.tunis")
        }
        #expect(error?.code == .badRequest)
    }
}
