import APIConventions
import CellProtocol
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct MeridianTests {
    @Test func aTraceMergesTheStepsOfAllPlacesInTheirOrder() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let base = Timestamp.now() + .seconds(1)
            let placement = [
                TraceStep(
                    "place.reserve", classic: [8, 9, 10], place: "super-scheduler", started: base,
                    ended: base + .milliseconds(4))
            ]
            let cell = [
                TraceStep(
                    "host.spawn", classic: [29], place: "compute-1.tunis", started: base + .milliseconds(20),
                    ended: base + .milliseconds(120)),
                TraceStep(
                    "cell.store", classic: [12], place: "conductor.tunis", started: base + .milliseconds(6),
                    ended: base + .milliseconds(8)),
            ]
            try await cloud.database.query(
                """
                UPDATE compute.server_actions SET placement_steps = \(json: placement), steps = \(json: cell), state = 'done',
                    finished_at = \(base + .milliseconds(121)) WHERE server = \(id)
                """)
            let trace = try await cloud.call(.get, "/meridian/v1/servers/\(id)/trace").json
            let steps = trace["steps"]?.array ?? []
            #expect(steps.suffix(3).map { $0["name"]?.string } == ["place.reserve", "cell.store", "host.spawn"])
            #expect(steps.first?["name"] == "api.receive")
            #expect(steps.last?["classic"] == [29])
            #expect(steps.last?["milliseconds"] == .double(100))
            #expect(steps.last?["place"] == "host.tunis")
            #expect(trace["state"] == "done")
            let admin = try await cloud.call(.get, "/meridian/v1/servers/one/trace?action=1", as: "admin")
            #expect(admin.status == 404)  // a name is looked up in one's own project
            #expect(try await cloud.call(.get, "/meridian/v1/servers/one/trace").json["server"]?.string == id.description)
            #expect(try await cloud.call(.get, "/meridian/v1/servers/\(id)/trace?action=9").status == 404)
        }
    }

    @Test func tenantsReadWhichRulesAndAdministratorsWhichHosts() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            let ledger = PlacementLedger(attempts: [
                .init(
                    cell: "tunis", outcome: .noRoom, at: .now(), reason: "no host has enough memory",
                    detail: "the roomiest has 64 MiB", weight: 0.25,
                    elimination: Elimination(
                        considered: 2, removed: ["memory": 2],
                        examples: [.init(host: "compute-1.tunis", rule: "memory", detail: "64 < 128")]))
            ])
            try await cloud.database.query("UPDATE compute.server_actions SET ledger = \(json: ledger) WHERE server = \(id)")
            let tenant = try await cloud.call(.get, "/meridian/v1/servers/\(id)/explain").json
            let attempt = try #require(tenant["attempts"]?.array?.first)
            #expect(attempt["outcome"] == "noRoom")
            #expect(attempt["hosts"]?["removed"] == ["memory": 2])
            #expect(attempt["hosts"]?["examples"] == [])
            #expect(attempt["reason"] == "no host has enough memory")
            #expect(attempt["weight"] == .null, "the share that is free")
            let admin = try await cloud.call(.get, "/meridian/v1/servers/\(id)/explain", as: "admin").json
            #expect(admin["attempts"]?.array?.first?["hosts"]?["examples"]?.array?.first?["host"] == "compute-1.tunis")
            #expect(admin["attempts"]?.array?.first?["reason"] == "no host has enough memory; the roomiest has 64 MiB")
            #expect(admin["attempts"]?.array?.first?["weight"] != .null)
            #expect(try await cloud.call(.get, "/meridian/v1/servers/\(id)/explain", as: "stranger").status == 404)
        }
    }

    @Test func cellsAreListedAndDrained() async throws {
        try await NovaFixture.with { cloud async throws in
            let cells = try await cloud.call(.get, "/meridian/v1/cells", as: "admin").json["cells"]?.array ?? []
            #expect(cells.map { $0["name"]?.string } == ["amsterdam", "london", "tunis"])
            #expect(cells.map { $0["state"]?.string } == ["silent", "up", "up"])
            #expect(cells.last?["hosts"] == 1)
            #expect(try await cloud.call(.put, "/meridian/v1/cells/tunis", ["disabled": true]).status == 403)
            let drained = try await cloud.call(
                .put, "/meridian/v1/cells/tunis", ["disabled": true, "reason": "new floor"], as: "admin")
            #expect(drained.json["cell"]?["state"] == "draining")
            #expect(try await cloud.call(.put, "/meridian/v1/cells/atlantis", ["disabled": true], as: "admin").status == 404)
            let hosts = try await cloud.call(.get, "/meridian/v1/hosts?cell=tunis", as: "admin").json["hosts"]?.array ?? []
            #expect(hosts.map { $0["name"]?.string } == ["compute-1.tunis"])
            #expect(try await cloud.call(.get, "/meridian/v1/hosts").json["error"]?["code"] == "forbidden")
        }
    }

    @Test func aCellThatTheDatabaseIsBehindOfIsShownAsAheadUntilAnOperatorRaisesTheEpochs() async throws {
        try await NovaFixture.with { cloud async throws in
            try await cloud.database.query("SELECT setval('compute.placement_epoch', 64)")
            try await cloud.database.query(
                "UPDATE compute.cells SET highest_epoch = 900, ahead = true, disabled = true WHERE name = 'tunis'")
            let cells = try await cloud.call(.get, "/meridian/v1/cells").json["cells"]?.array ?? []
            #expect(cells.map { $0["state"]?.string } == ["silent", "up", "ahead"])
            #expect(cells.last?["reason"]?.string?.contains("has forgotten placements here") == true)
            let raised = try await cloud.database.query("SELECT compute.raise_placement_epoch() AS epoch")
            #expect(try raised.first?.get("epoch") as Int64? == 1_000_900)
            let tunis = try await cloud.call(.get, "/meridian/v1/cells/tunis").json["cell"]
            #expect(tunis?["state"] == "draining")
            #expect(tunis?["reason"] == .null)
        }
    }

    @Test func eventsAreResumedFromACursorAndTenantsSeeTheirOwn() async throws {
        try await NovaFixture.with { cloud async throws in
            for (project, kind) in [(NovaFixture.project, "a"), (NovaFixture.otherProject, "b"), (NovaFixture.project, "c")] {
                try await cloud.database.query(
                    "INSERT INTO compute.events (kind, project, payload) VALUES (\(kind), \(project), '{\"x\": 1}')")
            }
            let all = try await cloud.call(.get, "/meridian/v1/events?after=0").json
            #expect(all["events"]?.array?.map { $0["kind"]?.string } == ["a", "c"])
            #expect(all["events"]?.array?.first?["payload"] == ["x": 1])
            let cursor = try #require(all["cursor"]?.int)
            #expect(try await cloud.call(.get, "/meridian/v1/events").json["cursor"]?.int == cursor)
            async let waiting = cloud.call(.get, "/meridian/v1/events?after=\(cursor)&wait=20")
            try await cloud.database.query("INSERT INTO compute.events (kind, project) VALUES ('d', \(NovaFixture.project))")
            #expect(try await waiting.json["events"]?.array?.map { $0["kind"]?.string } == ["d"])
            #expect(try await cloud.call(.get, "/meridian/v1/events?after=0", as: "admin").json["events"]?.array?.count == 4)
            #expect(try await cloud.call(.get, "/meridian/v1/events?after=x").status == 400)
        }
    }

    @Test func aCursorBeforeWhatIsKeptIsGone() async throws {
        try await NovaFixture.with { cloud async throws in
            for kind in ["old", "old", "new"] {
                try await cloud.database.query(
                    "INSERT INTO compute.events (kind, project) VALUES (\(kind), \(NovaFixture.project))")
            }
            try await cloud.database.query("DELETE FROM compute.events WHERE kind = 'old'")
            try await cloud.database.query("UPDATE compute.events_forgotten SET through = 2")
            let late = try await cloud.call(.get, "/meridian/v1/events?after=1")
            #expect(late.status == 410)
            #expect(late.message.contains("go on from 2"))
            for after in [0, 2] {
                let kept = try await cloud.call(.get, "/meridian/v1/events?after=\(after)")
                #expect(kept.json["events"]?.array?.map { $0["kind"]?.string } == ["new"])
            }
            // A project in which nothing happens doesn't fall behind what is kept.
            #expect(try await cloud.call(.get, "/meridian/v1/events?after=2", as: "stranger").json["cursor"]?.int == 3)
        }
    }
}
