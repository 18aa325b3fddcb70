import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Testing

@testable import Conductor

/// What hosts have and nobody ordered, told page by page from the cell's own database.
@Suite struct DriftTests {
    private static let seen = Timestamp(microseconds: 1_795_210_500_000_000)

    private func withStrangers(
        _ strangers: [(server: ServerID, host: HostName)], _ body: (Database) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
            for (server, host) in strangers {
                try await database.query(
                    """
                    INSERT INTO cell.strangers (server, host, epoch, power, spec, seen_at)
                    VALUES (\(server), \(host), 7, 1, '{"name": "web"}', \(Self.seen))
                    """)
            }
            try await body(database)
        }
    }

    @Test func everyGuestIsOnOnePageInTheOrderOfHosts() async throws {
        let server = ServerID.random()
        // One server on two hosts, and three others.
        let others = (0..<3).map { _ in (server: ServerID.random(), host: HostName("a.tunis")) }
        let all = [(server: server, host: HostName("b.tunis")), (server: server, host: HostName("a.tunis"))] + others
        try await withStrangers(all) { database in
            let tell = TellDrift(database: database)
            var places: [GetDrift.Place] = []
            var after: GetDrift.Place?
            repeat {
                let page = try await tell(GetDrift(cell: "tunis", after: after, limit: 2))
                #expect(page.strangers.count <= 2)
                places += page.strangers.map { .init(host: $0.host, server: $0.server) }
                after = page.next
            } while after != nil
            #expect(Set(places) == Set(all.map { GetDrift.Place(host: $0.host, server: $0.server) }))
            #expect(places.count == all.count)
            #expect(places.map(\.host) == ["a.tunis", "a.tunis", "a.tunis", "a.tunis", "b.tunis"])
        }
    }

    @Test func aGuestIsToldAsItsHostSawIt() async throws {
        let server = ServerID.random()
        try await withStrangers([(server, "a.tunis")]) { database in
            try await database.query(
                "INSERT INTO cell.strangers (server, host, epoch, power, seen_at) VALUES (\(server), 'b.tunis', 8, 4, \(Self.seen))"
            )
            let page = try await TellDrift(database: database)(GetDrift(cell: "tunis", after: nil, limit: 10))
            #expect(
                page.strangers == [
                    .init(
                        server: server, host: "a.tunis", epoch: PlacementEpoch(7), power: .running, name: "web",
                        seenAt: Self.seen),
                    .init(
                        server: server, host: "b.tunis", epoch: PlacementEpoch(8), power: .shutdown, name: nil,
                        seenAt: Self.seen),
                ])
            #expect(page.next == nil)
        }
    }

    @Test func aGuestThatWasOrderedSinceIsAStrangerNoMore() async throws {
        let (known, elsewhere) = (ServerID.random(), ServerID.random())
        try await withStrangers([(known, "a.tunis"), (elsewhere, "a.tunis")]) { database in
            for (server, host) in [(known, "a.tunis"), (elsewhere, "b.tunis")] {
                try await database.query(
                    """
                    INSERT INTO cell.servers (id, epoch, host, vm_state, ordered, seeking, record)
                    VALUES (\(server), 7, \(host), 'active', true, false, '{}')
                    """)
            }
            let page = try await TellDrift(database: database)(GetDrift(cell: "tunis", after: nil, limit: 10))
            #expect(page.strangers.map(\.server) == [elsewhere])
        }
    }

    @Test func aPageIsNeverLargerThanAMessageMayBe() async throws {
        let all = (0..<(GetDrift.largestPage + 1)).map { _ in (server: ServerID.random(), host: HostName("a.tunis")) }
        try await withStrangers(all) { database in
            let tell = TellDrift(database: database)
            let page = try await tell(GetDrift(cell: "tunis", after: nil, limit: 100_000))
            #expect(page.strangers.count == GetDrift.largestPage)
            await #expect(throws: CloudError.self) { _ = try await tell(GetDrift(cell: "tunis", after: nil, limit: 0)) }
        }
    }
}
