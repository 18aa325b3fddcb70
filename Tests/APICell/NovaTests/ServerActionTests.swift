import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct ServerActionTests {
    @Test func aServerIsShownAsItsCellReportsIt() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            try await cloud.place(id)
            try await cloud.database.query("UPDATE compute.servers SET progress = 'spawning' WHERE id = \(id)")
            let building = try await cloud.show(id)
            #expect(building["OS-EXT-STS:task_state"] == "spawning")
            try await cloud.settle(id)
            let active = try await cloud.show(id, as: "admin")
            #expect(active["status"] == "ACTIVE")
            #expect(active["OS-EXT-STS:task_state"] == .null)
            #expect(active["OS-EXT-STS:power_state"] == 1)
            #expect(active["OS-EXT-SRV-ATTR:host"] == "compute-1.tunis")
            #expect(active["OS-EXT-AZ:availability_zone"] == "tunis")
            #expect(active["hostId"]?.string?.count == 56)
            #expect(try await cloud.show(id)["OS-EXT-SRV-ATTR:host"] == nil)
        }
    }

    @Test func aHostIsHashedWhateverItIsCalled() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let first = try await cloud.show(id)["hostId"]
            // SHA-224 of the project's id and the host's name, which a cell chose.
            try await cloud.database.query(#"UPDATE compute.servers SET host = 'odd\host' WHERE id = \#(id)"#)
            let rows = try await cloud.database.query(
                #"SELECT encode(sha224(convert_to(\#(NovaFixture.project.rawValue) || 'odd\host', 'UTF8')), 'hex') AS hash"#)
            #expect(try await cloud.show(id)["hostId"] == .string(try #require(rows.first).get("hash")))
            #expect(try await cloud.show(id)["hostId"] != first)
        }
    }

    @Test func aWaiterReadsItsOwnStop() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            #expect(try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-stop": .null]).status == 202)
            var shown = try await cloud.show(id)
            #expect(shown["status"] == "ACTIVE")
            #expect(shown["OS-EXT-STS:task_state"] == "powering-off")
            try await cloud.settle(id, .stopped, power: .shutdown)
            shown = try await cloud.show(id)
            #expect(shown["status"] == "SHUTOFF")
            #expect(shown["OS-EXT-STS:task_state"] == .null)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-start": .null]).status == 202)
            #expect(try await cloud.show(id)["OS-EXT-STS:task_state"] == "powering-on")
            let row = try #require(
                try await cloud.database.query(
                    "SELECT verb, number, deadline - created_at = interval '10 minutes' AS waits FROM compute.server_actions WHERE server = \(id) AND number = 3"
                ).first)
            #expect(try (row.get("verb")) == Verb.start)
            #expect(try (row.get("waits")) == true)
        }
    }

    @Test func rebootsAreSoftOrHardAndNothingElse() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let path = "/v2.1/servers/\(id)/action"
            #expect(try await cloud.call(.post, path, ["reboot": [:]]).status == 400)
            #expect(try await cloud.call(.post, path, ["reboot": ["type": "WARM"]]).status == 400)
            #expect(try await cloud.call(.post, path, ["reboot": ["type": "HARD"]]).status == 202)
            let shown = try await cloud.show(id)
            #expect(shown["status"] == "HARD_REBOOT")
            #expect(shown["OS-EXT-STS:task_state"] == "rebooting_hard")
            let body: String = try #require(
                try await cloud.database.query(
                    "SELECT body::text AS body FROM compute.server_actions WHERE server = \(id) AND number = 2"
                ).first
            ).get("body")
            #expect(body == "{\"hard\": true}")
        }
    }

    @Test func onlyAGuestThatRunsIsRebootedSoftly() async throws {
        try await NovaFixture.with { cloud async throws in
            for state in [VMState.stopped, .error] {
                let id = try await cloud.active("one")
                try await cloud.settle(id, state, power: .shutdown)
                let path = "/v2.1/servers/\(id)/action"
                let soft = try await cloud.call(.post, path, ["reboot": ["type": "SOFT"]])
                #expect(soft.status == 409)
                #expect(soft.message == "Cannot 'reboot' instance \(id) while it is in vm_state \(state.rawValue)")
                #expect(try await cloud.call(.post, path, ["reboot": ["type": "HARD"]]).status == 202)
            }
        }
    }

    @Test func deadlinesAreTheFederations() async throws {
        try await NovaFixture.with(buildDeadline: .seconds(30), intentDeadline: .seconds(20)) { cloud async throws in
            let id = try await cloud.active()
            #expect(try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-stop": .null]).status == 202)
            let waits = try await cloud.database.query(
                """
                SELECT extract(epoch FROM deadline - created_at)::int AS seconds FROM compute.server_actions
                WHERE server = \(id) ORDER BY number
                """)
            #expect(try waits.map { try $0.get("seconds") as Int } == [30, 20])
        }
    }

    @Test func aServerInTheWrongStateRefusesInNovasWords() async throws {
        try await NovaFixture.with { cloud async throws in
            let building = try await cloud.create()
            var answer = try await cloud.call(.post, "/v2.1/servers/\(building)/action", ["reboot": ["type": "SOFT"]])
            #expect(answer.status == 409)
            #expect(answer.json["conflictingRequest"]?["code"] == 409)
            #expect(answer.message == "Cannot 'reboot' instance \(building) while it is in task_state scheduling")
            let active = try await cloud.active("two")
            answer = try await cloud.call(.post, "/v2.1/servers/\(active)/action", ["os-start": .null])
            #expect(answer.status == 409)
            #expect(answer.message == "Cannot 'start' instance \(active) while it is in vm_state active")
        }
    }

    @Test func ofTenActionsAtOnceOneIsAccepted() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<10 {
                    let body: JSONValue = number % 2 == 0 ? ["os-stop": .null] : ["reboot": ["type": "SOFT"]]
                    group.addTask { try await cloud.call(.post, "/v2.1/servers/\(id)/action", body).status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [202] + Array(repeating: 409, count: 9))
            #expect(try await cloud.count("compute.server_actions") == 2)
        }
    }

    @Test func unknownActionsAre400AndUnservedOnes501() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let path = "/v2.1/servers/\(id)/action"
            #expect(try await cloud.call(.post, path, ["os-explode": .null]).status == 400)
            #expect(try await cloud.call(.post, path, ["os-stop": .null, "os-start": .null]).status == 400)
            #expect(try await cloud.call(.post, path, [:]).status == 400)
            #expect(try await cloud.call(.post, path, ["resize": ["flavorRef": "2"]]).status == 501)
            let nobody = ServerID.random()
            #expect(try await cloud.call(.post, "/v2.1/servers/\(nobody)/action", ["rebuild": ["imageRef": "x"]]).status == 404)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(nobody)/action", ["os-stop": .null]).status == 404)
        }
    }

    @Test func aLockHoldsTenantsBackAndNotAdministrators() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let path = "/v2.1/servers/\(id)/action"
            #expect(try await cloud.call(.post, path, ["lock": .null]).status == 202)
            #expect(try await cloud.show(id, version: "2.9")["locked"] == true)
            #expect(try await cloud.call(.post, path, ["os-stop": .null]).status == 409)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 409)
            #expect(try await cloud.call(.post, path, ["os-stop": .null], as: "admin").status == 202)
            #expect(try await cloud.call(.post, path, ["unlock": .null]).status == 202)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
        }
    }

    @Test func theConsoleIsAQuestionToTheCell() async throws {
        try await NovaFixture.with { cloud async throws in
            let path: (ServerID) -> String = { "/v2.1/servers/\($0)/action" }
            let unplaced = try await cloud.create("unplaced")
            #expect(try await cloud.call(.post, path(unplaced), ["os-getConsoleOutput": [:]]).status == 409)
            let id = try await cloud.active()
            var answer = try await cloud.call(.post, path(id), ["os-getConsoleOutput": ["length": 2]])
            #expect(answer.status == 200)
            #expect(answer.json == ["output": "line 100\nGUEST-READY"])
            #expect(try await cloud.call(.post, path(id), ["os-getConsoleOutput": ["length": "2"]]).status == 200)
            #expect(try await cloud.call(.post, path(id), ["os-getConsoleOutput": ["length": "two"]]).status == 400)
            try await cloud.database.query(
                "UPDATE compute.cell_contacts SET last_contact = now() - interval '1 minute' WHERE cell = 'tunis'")
            answer = try await cloud.call(.post, path(id), ["os-getConsoleOutput": [:]])
            #expect(answer.status == 503)
            #expect(answer.headers[.retryAfter] == "5")
            #expect(answer.message.contains("tunis"))
        }
    }

    @Test func whatWasAskedOfAServerIsListed() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            let stop = try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-stop": .null])
            let request = try #require(stop.headers[.openStackRequestID])
            let list =
                try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions").json["instanceActions"]?.array ?? []
            #expect(list.map { $0["action"]?.string } == ["stop", "create"])
            #expect(
                list.first?.object?.keys.sorted()
                    == ["action", "instance_uuid", "message", "project_id", "request_id", "start_time", "user_id"])
            let shown = try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions/\(request)")
            #expect(shown.json["instanceAction"]?["action"] == "stop")
            #expect(shown.json["instanceAction"]?["events"] == nil)
            let boot = try #require(list.last?["request_id"]?.string)
            let events =
                try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions/\(boot)", as: "admin")
                .json["instanceAction"]?["events"]?.array ?? []
            #expect(events.first?["event"] == "api.receive")
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions/req-none").status == 404)
        }
    }
}
