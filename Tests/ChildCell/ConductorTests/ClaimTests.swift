import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Testing

@testable import Conductor

/// Claims over real PostgreSQL, many at the same time: a host is never promised twice.
@Suite struct ClaimTests {
    static let hosts: [HostName] = ["a.tunis", "b.tunis", "c.tunis", "d.tunis"]

    /// A cell with these hosts, each with room for so many servers of 128 MiB.
    private func withCell(hosts: [HostName] = hosts, room: Int, _ body: (Database) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
            try await database.query(
                """
                INSERT INTO cell.hosts (name, zone, inventory, total_vcpus, total_ram, total_disk, last_seen, release)
                SELECT name, 'tunis', '{}', 10000, \(Int64(room * 128))::int, 10000, now(), '1' FROM unnest(\(hosts)) AS name
                """)
            try await body(database)
        }
    }

    private func wish(_ server: ServerID = .random(), hosts: [HostName] = hosts, group: GroupConstraint? = nil)
        -> ClaimStore.Wish
    {
        ClaimStore.Wish(
            server: server, epoch: PlacementEpoch(1), size: ResourceSize(vcpus: 1, ram: 128, disk: 1), group: group,
            hosts: hosts)
    }

    private func claim(_ wishes: [ClaimStore.Wish], until: Timestamp? = nil, _ database: Database) async throws -> [ServerID:
        HostName]
    {
        try await database.transaction { try await ClaimStore().claim(wishes, until: until, in: $0).claims }
    }

    /// The sums that hosts keep are those of their claims, and within their room.
    private func sumsAreRight(_ database: Database) async throws {
        let wrong = try await database.query(
            """
            SELECT name FROM cell.hosts h
            WHERE used_ram > total_ram OR (used_vcpus, used_ram, used_disk) <> (
                SELECT coalesce(sum(vcpus), 0), coalesce(sum(ram), 0), coalesce(sum(disk), 0) FROM cell.claims c WHERE c.host = h.name)
            """)
        #expect(wrong.isEmpty)
    }

    @Test func manyAtOnceFillTheHostsAndNotMore() async throws {
        try await withCell(room: 12) { database in
            let granted = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<30 { group.addTask { try await claim([wish(), wish()], database).count } }
                return try await group.reduce(0, +)
            }
            #expect(granted == 48)
            try await sumsAreRight(database)
        }
    }

    @Test func claimingAndReleasingAtOnceKeepTheSums() async throws {
        try await withCell(room: 5) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let order = number % 2 == 0 ? Self.hosts : Self.hosts.reversed()
                        for _ in 0..<6 {
                            let granted = try await claim((0..<3).map { _ in wish(hosts: order) }, database)
                            try await database.transaction { transaction in
                                _ = try await ClaimStore().release(Array(granted.keys), in: transaction)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await sumsAreRight(database)
            #expect(try await database.query("SELECT 1 FROM cell.claims").isEmpty)
        }
    }

    @Test func aServerIsClaimedForOnceHoweverOftenItIsAskedFor() async throws {
        try await withCell(room: 50) { database in
            let server = ServerID.random()
            let answers = try await withThrowingTaskGroup(of: HostName?.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let first = Self.hosts[number % 4]
                        return try await claim([wish(), wish(server, hosts: [first])], database)[server]
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers).count == 1, "all are told the same host")
            #expect(answers.allSatisfy { $0 != nil })
            #expect(try await database.query("SELECT 1 FROM cell.claims").count == 9, "and the neighbours are not harmed")
            try await sumsAreRight(database)
        }
    }

    @Test func antiAffinityHoldsAgainstRivals() async throws {
        try await withCell(room: 50) { database in
            let apart = GroupConstraint(id: .random(), policy: .antiAffinity)
            let granted = try await withThrowingTaskGroup(of: HostName?.self) { group in
                for _ in 0..<10 { group.addTask { try await claim([wish(group: apart)], database).values.first } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(granted.compactMap(\.self).sorted() == Self.hosts, "one on each host, none for the others")
        }
    }

    @Test func affinityHoldsAgainstRivals() async throws {
        try await withCell(room: 50) { database in
            let together = GroupConstraint(id: .random(), policy: .affinity)
            let granted = try await withThrowingTaskGroup(of: HostName?.self) { group in
                for number in 0..<10 {
                    let order = Array(Self.hosts[(number % 4)...] + Self.hosts[..<(number % 4)])
                    group.addTask { try await claim([wish(hosts: order, group: together)], database).values.first }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(granted.count == 10)
            #expect(Set(granted).count == 1)
        }
    }

    @Test func onlyClaimsThatNoCreateFollowedExpire() async throws {
        try await withCell(room: 50) { database in
            let (followed, forgotten, fresh) = (ServerID.random(), ServerID.random(), ServerID.random())
            let past = Timestamp.now() - .seconds(1)
            _ = try await claim([wish(followed), wish(forgotten)], until: past, database)
            _ = try await claim([wish(fresh)], until: .now() + .seconds(60), database)
            try await database.transaction { transaction in
                try await ClaimStore().confirm([followed], in: transaction)
                _ = try await ClaimStore().releaseExpired(at: .now(), in: transaction)
            }
            let left = try await database.query("SELECT server FROM cell.claims").map { try $0.get("server") as ServerID }
            #expect(Set(left) == [followed, fresh])
            try await sumsAreRight(database)
        }
    }

    @Test(arguments: ["enabled = false", "up = false"]) func noClaimIsMadeOnAHostThatTakesNone(change: String) async throws {
        try await withCell(hosts: ["a.tunis"], room: 50) { database in
            try await database.query("UPDATE cell.hosts SET \(unsafe: change)")
            #expect(try await claim([wish(hosts: ["a.tunis"])], database).isEmpty)
        }
    }
}
