import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct DeleteServerTests {
    @Test func anUnplacedServerIsGoneAtOnceAndCannotBePlacedAfterwards() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)").status == 404)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 404)
            let placed = try await cloud.database.query(
                "UPDATE compute.servers SET mapping = 'placing', cell = 'tunis' WHERE id = \(id) AND mapping = 'unplaced' AND deleted_at IS NULL"
            )
            #expect(placed.affected == 0)
            let action = try #require(
                try await cloud.database.query(
                    "SELECT delivery, state FROM compute.server_actions WHERE server = \(id) AND verb = 'delete'"
                ).first)
            #expect(try (action.get("delivery")) == "settled")
            #expect(try (action.get("state")) == "done")
            // Nobody has to carry out its create either.
            let create = try #require(
                try await cloud.database.query(
                    "SELECT delivery, state FROM compute.server_actions WHERE server = \(id) AND verb = 'create'"
                ).first)
            #expect(try (create.get("delivery")) == "settled")
            #expect(try (create.get("state")) == "interrupted")
            let events = try await cloud.call(.get, "/meridian/v1/events?after=0").json["events"]?.array ?? []
            #expect(events.map { $0["kind"]?.string } == ["compute.instance.delete.end"])
            // Its history stays readable, from 2.21 on.
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/os-instance-actions", version: "2.21").status == 200)
        }
    }

    @Test func forceDeleteIsADeleteThatAnswersAsActionsDo() async throws {
        try await NovaFixture.with { cloud async throws in
            let path = "/v2.1/servers/\(try await cloud.active())"
            let force: JSONValue = ["forceDelete": .null]
            #expect(try await cloud.call(.post, path + "/action", force, as: "reader").status == 403)
            #expect(try await cloud.call(.post, path + "/action", force, as: "stranger").status == 404)
            #expect(try await cloud.call(.post, path + "/action", ["lock": .null], as: "admin").status == 202)
            #expect(try await cloud.call(.post, path + "/action", force).status == 409)
            #expect(try await cloud.call(.post, path + "/action", ["unlock": .null], as: "admin").status == 202)
            #expect(try await cloud.call(.post, path + "/action", force).status == 202)
            #expect(try await cloud.call(.get, path).json["server"]?["OS-EXT-STS:task_state"] == "deleting")
            let unplaced = "/v2.1/servers/\(try await cloud.create())"
            #expect(try await cloud.call(.post, unplaced + "/action", force).status == 202)
            #expect(try await cloud.call(.get, unplaced).status == 404)
        }
    }

    @Test func aPlacedServerIsDeletingUntilItsCellSaysItIsGone() async throws {
        try await NovaFixture.with(quotas: QuotaLimits(instances: 1)) { cloud async throws in
            let id = try await cloud.active()
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
            #expect(try await cloud.show(id)["OS-EXT-STS:task_state"] == "deleting")
            #expect(try await cloud.count("compute.server_actions") == 2)
            let row = try #require(
                try await cloud.database.query(
                    "SELECT delivery, deadline FROM compute.server_actions WHERE server = \(id) AND number = 2"
                ).first)
            #expect(try (row.get("delivery")) == "pending")
            #expect(try row.isNull("deadline"))
            // Its quota stays taken meanwhile.
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two")).status == 403)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-stop": .null]).status == 409)
            try await cloud.database.query(
                "UPDATE compute.servers SET deleted_at = now(), vm_state = 'deleted', done_through = 2 WHERE id = \(id)")
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)").status == 404)
            #expect(try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("two")).status == 202)
        }
    }

    @Test func deleteOvertakesWhatIsUnderWay() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            try await cloud.place(id)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)").status == 204)
            #expect(try await cloud.show(id)["OS-EXT-STS:task_state"] == "deleting")
        }
    }

    @Test func ofTwentyDeletesAndAPlacementOnlyOneSideWins() async throws {
        try await NovaFixture.with { cloud async throws in
            for round in 0..<10 {
                let id = try await cloud.create("round-\(round)")
                async let delete = cloud.call(.delete, "/v2.1/servers/\(id)")
                async let placed = cloud.database.query(
                    "UPDATE compute.servers SET mapping = 'placing', cell = 'tunis', epoch = 1 WHERE id = \(id) AND mapping = 'unplaced' AND deleted_at IS NULL"
                )
                let isPlaced = try await placed.affected == 1
                #expect(try await delete.status == 204)
                let row = try #require(
                    try await cloud.database.query(
                        """
                        SELECT s.deleted_at IS NOT NULL AS gone, a.delivery FROM compute.servers AS s
                        JOIN compute.server_actions AS a ON a.server = s.id AND a.verb = 'delete' WHERE s.id = \(id)
                        """
                    ).first)
                #expect(try (row.get("gone")) == !isPlaced)
                #expect(try (row.get("delivery")) == (isPlaced ? "pending" : "settled"))
            }
        }
    }

    @Test func anotherProjectsServerDoesNotExist() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)", as: "stranger").status == 404)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)", as: "stranger").status == 404)
            #expect(try await cloud.call(.put, "/v2.1/servers/\(id)", ["server": ["name": "x"]], as: "stranger").status == 404)
            #expect(try await cloud.call(.post, "/v2.1/servers/\(id)/action", ["os-stop": .null], as: "stranger").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/metadata", as: "stranger").status == 404)
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)", as: "reader").status == 403)
            for text in ["-1", "x", String(repeating: "a", count: 300)] {
                #expect(try await cloud.call(.delete, "/v2.1/servers/\(text)").status == 404)
            }
            #expect(try await cloud.show(id)["status"] == "ACTIVE")
        }
    }
}
