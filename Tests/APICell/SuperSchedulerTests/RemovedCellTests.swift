import CellProtocol
import CloudModel
import CloudTestKit
import ComputeRecords
import Database
import Foundation
import Messaging
import Testing

@testable import SuperScheduler

/// A region that is taken away, and how the running super-scheduler takes it.
@Suite struct RemovedCellTests {
    private let summary = CellSummary(state: .up, zones: [CellSelectionTests.zone("oslo")], weight: 1)

    private func withCells(_ body: (Database, CellDirectory) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            let messenger = MemoryNetwork(seed: 1).messenger(.hub("meridian"), logger: .silent)
            let cells = CellDirectory(database: database, messenger: messenger, silentAfter: .seconds(5))
            _ = try await cells.joined("oslo", release: "1", highestEpoch: .none, summary: summary)
            _ = try await cells.joined("tunis", release: "1", highestEpoch: .none, summary: summary)
            try await database.query(
                """
                INSERT INTO compute.hosts (name, cell, revision, report)
                VALUES ('compute-1.oslo', 'oslo', 1, '{}'), ('compute-1.tunis', 'tunis', 1, '{}')
                """)
            for feed in ["up/oslo", "down/oslo", "up/tunis", "down/tunis"] {
                try await database.query("INSERT INTO compute.feed_cursors (feed, number, mark) VALUES (\(feed), 7, 7)")
                try await database.query("INSERT INTO compute.feed_heads (feed, number, mark) VALUES (\(feed), 7, 7)")
                try await database.query("INSERT INTO compute.feed_marks (feed, number, mark) VALUES (\(feed), 7, 7)")
                try await database.query("INSERT INTO compute.feed_objects VALUES (\(feed), 'host', 'x', 7)")
                try await database.query("INSERT INTO compute.feed_outbox (feed, kind, object) VALUES (\(feed), 'host', 'x')")
            }
            try await body(database, cells)
        }
    }

    private func addServer(to database: Database, in cell: CellName) async throws -> ServerID {
        let server = ServerID.random()
        try await database.query(
            """
            INSERT INTO compute.servers (id, project, user_id, name, spec, flavor_id, vcpus, ram, reservation_id, created_at, updated_at,
                mapping, cell, vm_state)
            VALUES (\(server), 'p', 'u', 's', '{}', '1', 1, 128, 'r', now(), now(), 'placed', \(cell), 'active')
            """)
        try await database.query(
            """
            INSERT INTO compute.server_actions (server, number, intent, verb, project, user_id, created_at)
            VALUES (\(server), 1, \(UUID()), 'reboot', 'p', 'u', now())
            """)
        return server
    }

    private func remove(_ cell: CellName, abandoning: Bool = false, from database: Database) async throws -> [String] {
        try await database.transaction { try await RemoveCell(cell)(abandoning: abandoning, in: $0) }
    }

    @Test func nothingOfItIsLeftAndTheOthersStay() async throws {
        try await withCells { database, _ in
            let removed = try await remove("oslo", from: database)
            #expect(removed == ["1 hosts of oslo", "cell oslo", "feeds of oslo"])
            #expect(try await remove("oslo", from: database) == [], "it may be repeated")
            for table in ["feed_outbox", "feed_objects", "feed_marks", "feed_heads", "feed_cursors"] {
                let feeds = try await database.query("SELECT feed FROM compute.\(unsafe: table) ORDER BY feed DESC")
                #expect(try feeds.map { try $0.get("feed") as String } == ["up/tunis", "down/tunis"])
            }
            let hosts = try await database.query("SELECT name FROM compute.hosts")
            #expect(try hosts.map { try $0.get("name") as String } == ["compute-1.tunis"])
        }
    }

    @Test func serversThatAreGivenUpEndAsDeleted() async throws {
        try await withCells { database, _ in
            _ = try await addServer(to: database, in: "oslo")
            let other = try await addServer(to: database, in: "tunis")
            #expect(try await database.transaction { try await RemoveCell("oslo").servers(in: $0) } == 1)
            #expect(try await remove("oslo", abandoning: true, from: database).first == "1 servers of oslo")
            let left = try await database.query("SELECT id FROM compute.servers WHERE deleted_at IS NULL")
            #expect(try left.map { try $0.get("id") as ServerID } == [other])
            let pending = try await database.query("SELECT server FROM compute.server_actions WHERE delivery = 'pending'")
            #expect(try pending.map { try $0.get("server") as ServerID } == [other])
            let action = try await database.query("SELECT message FROM compute.server_actions WHERE delivery = 'settled'")
            #expect(try action.first?.get("message") as String? == "The region oslo was removed.")
        }
    }

    @Test func theRunningSuperSchedulerForgetsIt() async throws {
        try await withCells { database, cells in
            _ = try await remove("oslo", from: database)
            try await cells.refresh()
            #expect(await cells.snapshot().map(\.name) == ["tunis"])
            // What was still on its way changes nothing.
            try await cells.took(summary, from: "oslo")
            #expect(await cells.snapshot().map(\.name) == ["tunis"])
        }
    }

    @Test func whoSaysHelloAgainIsBack() async throws {
        try await withCells { database, cells in
            _ = try await remove("oslo", from: database)
            _ = try await cells.joined("oslo", release: "2", highestEpoch: .none, summary: summary)
            try await cells.refresh()
            #expect(await cells.snapshot().map(\.name).sorted() == ["oslo", "tunis"])
        }
    }

    @Test func aHelloWhileTheRowsAreReadIsNotLost() async throws {
        try await withCells { database, cells in
            for round in 0..<50 {
                _ = try await remove("oslo", from: database)
                async let refreshed: Void = cells.refresh()
                _ = try await cells.joined("oslo", release: "\(round)", highestEpoch: .none, summary: summary)
                try await refreshed
                #expect(await cells.snapshot().map(\.name).contains("oslo"))
            }
        }
    }
}
