import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Testing

@testable import SuperScheduler

@Suite(.timeLimit(.minutes(3))) struct ReportTests {
    @Test func whatAFinishedDeleteOvertookIsSettled() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let epoch = try await records.place(server, in: "tunis")
            let delete = try await records.act(.delete, on: server, number: 2)
            try await records.tell([.server(records.report(server, epoch, doneThrough: 2, .deleted))])
            #expect(try await records.actions(of: server) == ["settled interrupted", "settled done"])
            // The cell's own word on the delete may come in its next batch, and has the steps.
            let step = TraceStep("host.destroy", place: "compute-1.tunis", started: .now(), ended: .now())
            try await records.tell([
                .action(
                    ActionReport(
                        intent: delete, server: server, epoch: epoch, number: 2, state: .done, message: nil, startedAt: .now(),
                        finishedAt: .now(), steps: [step]))
            ])
            let steps = try await records.database.query(
                "SELECT jsonb_array_length(steps) AS n FROM compute.server_actions WHERE intent = \(delete)")
            #expect(try steps.first?.get("n") == 1 as Int32?)
        }
    }

    @Test func aNameThatChangedWhileTheServerWasHandedOverIsToldAgain() async throws {
        try await RecordsFixture.with { records async throws in
            let server = try await records.create()
            let other = try await records.create()
            let epoch = try await records.place(server, in: "tunis")
            let quiet = try await records.place(other, in: "tunis")
            try await records.database.query("UPDATE compute.servers SET name = 'new' WHERE id = \(server)")
            // The feed brought it to the cell before the create came, and moved on.
            try await records.database.query("DELETE FROM compute.feed_outbox")
            try await records.tell([
                .server(records.report(server, epoch, doneThrough: 0, .building)),
                .server(records.report(other, quiet, doneThrough: 0, .building)),
            ])
            let told = try await records.database.query(
                "SELECT feed, object FROM compute.feed_outbox WHERE kind = 'attributes'")
            #expect(try told.map { try $0.get("object") as String } == [server.description])
            #expect(try told.first?.get("feed") == "down/tunis")
        }
    }

    @Test func hostsThatComeUpAndGoDownAreToldOnce() async throws {
        try await RecordsFixture.with { records async throws in
            func host(_ revision: Int64, up: Bool, name: HostName = "compute-1.tunis") -> FeedChange {
                .host(
                    HostReport(
                        name: name, revision: revision,
                        inventory: HostInventory(
                            size: .zero, hypervisorType: "QEMU", hypervisorVersion: 1, acceleration: "qemu", traits: [],
                            cachedImages: [], zone: "tunis", address: "10.0.0.1"),
                        used: .zero, servers: 0, enabled: true, disabledReason: nil, up: up, lastSeen: .now(), release: "0.1"))
            }
            try await records.tell([host(1, up: true)])
            try await records.tell([host(2, up: true)])
            try await records.tell([host(3, up: false)])
            try await records.tell([host(2, up: true)])
            // A cell has nothing to say of another region's hosts.
            try await records.tell([host(1, up: true, name: "compute-1.london")])
            #expect(try await records.events() == ["host.up", "host.down"])
            #expect(records.told.rings == 2, "those who watch hear of batches with events only")
            #expect(try await records.database.query("SELECT name FROM compute.hosts").count == 1)
        }
    }

    @Test func aCellsSilenceIsToldOnceAlsoByTwoSuperSchedulers() async throws {
        try await RecordsFixture.with { records async throws in
            for silent in [false, true, true, false] {
                try await EventLog(database: records.database).tell("tunis", isSilent: silent)
            }
            #expect(try await records.events() == ["cell.up", "cell.silent", "cell.up"])
        }
    }

    @Test func anEventWaitsForTheOneBeforeItToCommit() async throws {
        try await RecordsFixture.with { records async throws in
            let database = records.database
            let (hasWritten, written) = AsyncStream<Void>.makeStream()
            let (mayCommit, commit) = AsyncStream<Void>.makeStream()
            defer { commit.finish() }
            let first = Task {
                defer { written.finish() }
                try await database.transaction { transaction in
                    try await transaction.query("INSERT INTO compute.events (kind) VALUES ('first')")
                    written.yield()
                    for await _ in mayCommit { break }
                }
            }
            for await _ in hasWritten { break }
            // In a transaction, which has a connection of its own: others would wait behind a query that waits.
            let second = Task {
                _ = try await database.transaction {
                    try await $0.query("INSERT INTO compute.events (kind) VALUES ('second')")
                }
            }
            while try await database.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").isEmpty {
                try #require(try await records.events() == [], "a later number must not be seen before an earlier one")
                try await Task.sleep(for: .milliseconds(10))
            }
            commit.yield()
            try await first.value
            try await second.value
            #expect(try await records.events() == ["first", "second"])
        }
    }

    @Test func whatIsForgottenOfEventsIsRemembered() async throws {
        try await RecordsFixture.with { records async throws in
            try await records.database.query(
                "INSERT INTO compute.events (kind, at) VALUES ('old', now() - interval '2 days'), ('new', now())")
            try await EventLog(database: records.database).forgetOld()
            try await EventLog(database: records.database).forgetOld()
            #expect(try await records.events() == ["new"])
            let through = try await records.database.query("SELECT through FROM compute.events_forgotten")
            #expect(try through.first?.get("through") == 1 as Int64?)
        }
    }
}
