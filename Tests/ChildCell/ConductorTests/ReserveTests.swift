import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Testing

@testable import Conductor

/// Reservations that are under way at the same time, over real PostgreSQL: no room is said only when there is none.
@Suite struct ReserveTests {
    /// A cell with so many hosts, each with room for so many servers.
    private struct Cell {
        let database: Database
        let memory: CellMemory
        let scheduler: PackingScheduler
        let reserve: ReserveHosts
    }

    /// - Parameter together: so many lists are ranked before the first of them claims.
    private func withCell(hosts: Int, room: Int, together: Int = 2, _ body: (Cell) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
            let size = ResourceSize(vcpus: 10_000, ram: room * 128, disk: 10_000)
            let inventory = HostInventory(
                size: size, hypervisorType: "fake", hypervisorVersion: 1, acceleration: "simulated", traits: [],
                cachedImages: [],
                zone: "tunis", address: "127.0.0.1")
            let rows = (10..<10 + hosts).map { number in
                HostStore.Host(
                    name: HostName("compute-\(number).tunis"), inventory: inventory, total: size, used: .zero, enabled: true,
                    up: true, lastSeen: .now(), release: "1", revision: 1)
            }
            _ = try await HostStore().upsert(rows, in: database)
            let memory = CellMemory(database: database, book: HostBook(), orders: OrderDigests())
            try await memory.refresh(always: true)
            let scheduler = PackingScheduler(memory.book, together: together)
            try await body(
                Cell(
                    database: database, memory: memory, scheduler: scheduler,
                    reserve: ReserveHosts(
                        database: database, rank: scheduler.rank, memory: memory, claimTTL: .seconds(30))))
        }
    }

    private func requests(_ count: Int, group: GroupConstraint? = nil) -> [ReserveHost.Request] {
        (0..<count).map { _ in
            var spec = ServerSpec(
                name: "s", hostname: "s", project: "p", user: "u",
                flavor: Flavor(id: "1", name: "m1", vcpus: 1, ram: 128, disk: 1), image: nil)
            spec.group = group
            return ReserveHost.Request(server: .random(), epoch: PlacementEpoch(1), spec: spec)
        }
    }

    /// The answers to two messages that are ranked on one picture.
    private func both(_ first: [ReserveHost.Request], _ second: [ReserveHost.Request], in cell: Cell) async throws
        -> [ReserveHost.Answer]
    {
        async let one = cell.reserve(first)
        async let other = cell.reserve(second)
        return try await one + other
    }

    private func hosts(_ answers: [ReserveHost.Answer]) -> [HostName] {
        answers.compactMap { if case .reserved(let host, _) = $0 { host } else { nil } }
    }

    private func refusals(_ answers: [ReserveHost.Answer]) -> [String] {
        answers.compactMap { if case .noRoom(let reason, _) = $0 { reason } else { nil } }
    }

    @Test func twoMessagesThatWereRankedOnOnePictureTakeAHostEach() async throws {
        try await withCell(hosts: 20, room: 1) { cell in
            let answers = try await both(requests(10), requests(10), in: cell)
            #expect(Set(hosts(answers)).count == 20, "\(refusals(answers))")
        }
    }

    @Test func twoFullMessagesPackTheHosts() async throws {
        try await withCell(hosts: 11, room: 12) { cell in
            let answers = try await both(requests(64), requests(64), in: cell)
            #expect(hosts(answers).count == 128, "\(Set(refusals(answers)))")
            let full = Dictionary(grouping: hosts(answers), by: { $0 }).values.filter { $0.count == 12 }
            #expect(full.count == 10, "one host after the other")
        }
    }

    @Test func noRoomIsSaidByARankingInWhichEverybodysClaimsShow() async throws {
        try await withCell(hosts: 12, room: 1) { cell in
            let answers = try await both(requests(10), requests(10), in: cell)
            #expect(Set(hosts(answers)).count == 12)
            #expect(refusals(answers) == Array(repeating: "No host fits: of 12, memory removed 12.", count: 8))
            #expect(await cell.scheduler.rankings == 3, "one more for those that came second")
        }
    }

    @Test func oneMessageIsRankedOnce() async throws {
        try await withCell(hosts: 12, room: 1, together: 1) { cell in
            let answers = try await cell.reserve(requests(13))
            #expect(hosts(answers).count == 12)
            #expect(await cell.scheduler.rankings == 1)
        }
    }

    @Test func membersOfAGroupStayApartThoughTheyCameInTwoMessages() async throws {
        try await withCell(hosts: 12, room: 50) { cell in
            let apart = GroupConstraint(id: .random(), policy: .antiAffinity)
            let answers = try await both(requests(6, group: apart), requests(6, group: apart), in: cell)
            #expect(Set(hosts(answers)).count == 12, "\(refusals(answers))")
            let next = try await cell.reserve(requests(1, group: apart))
            #expect(refusals(next) == ["No host fits: of 12, anti_affinity removed 12."])
        }
    }

    @Test func membersOfAGroupStayTogetherThoughTheyCameInTwoMessages() async throws {
        try await withCell(hosts: 12, room: 3) { cell in
            let together = GroupConstraint(id: .random(), policy: .affinity)
            let answers = try await both(requests(2, group: together), requests(2, group: together), in: cell)
            #expect(hosts(answers).count == 3 && Set(hosts(answers)).count == 1)
            #expect(refusals(answers) == ["No host fits: of 12, affinity removed 11, memory removed 1."])
        }
    }

    @Test func aServerThatIsAskedForTwiceAtOnceHasTheLastRoomOnce() async throws {
        try await withCell(hosts: 1, room: 1) { cell in
            let server = requests(1)
            let answers = try await both(server, server, in: cell)
            #expect(hosts(answers) == ["compute-10.tunis", "compute-10.tunis"])
            #expect(try await cell.database.query("SELECT 1 FROM cell.claims").count == 1)
        }
    }

    @Test func roomThatThePictureDoesNotShowAsTakenIsPassedOver() async throws {
        try await withCell(hosts: 12, room: 1, together: 1) { cell in
            try await cell.database.query("UPDATE cell.hosts SET used_ram = 128 WHERE name < 'compute-21'")
            let answers = try await cell.reserve(requests(1))
            #expect(hosts(answers) == ["compute-21.tunis"])
        }
    }

    @Test func nobodyIsRankedAgainForAnAskerWhoWaitsNoMore() async throws {
        try await withCell(hosts: 20, room: 1) { cell in
            let outcomes = await withTaskGroup(of: Int?.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        do {
                            return hosts(try await cell.reserve(requests(10), before: .now)).count
                        } catch let error as CloudError {
                            #expect(error.code == .unavailable)
                            return nil
                        } catch {
                            Issue.record(error)
                            return nil
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(
                outcomes.compactMap(\.self) == [10],
                "the first has its hosts; of the second nobody says that there is no room")
        }
    }
}
