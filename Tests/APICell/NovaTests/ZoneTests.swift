import APIConventions
import CellProtocol
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

/// Which zones there are, and what binds a server to a region or a zone.
@Suite struct ZoneTests {
    @Test(arguments: ["down", "disabled by its cell", "disabled just now"])
    func aZoneWhoseLastHostIsGoneStaysListedAndTakesCreates(how: String) async throws {
        try await NovaFixture.with { cloud async throws in
            func available() async throws -> [String: Bool] {
                let zones = try await cloud.call(.get, "/v2.1/os-availability-zone").json["availabilityZoneInfo"]?.array ?? []
                return zones.reduce(into: [:]) { $0[$1["zoneName"]?.string ?? ""] = $1["zoneState"]?["available"]?.bool }
            }
            let change =
                switch how {
                case "down": #"{"up": false}"#
                case "disabled by its cell": #"{"enabled": false}"#
                default: "{}"
                }
            try await cloud.addHost("compute-2.tunis", zone: "tunis-b")
            #expect(try await available() == ["amsterdam": false, "london": true, "tunis": true, "tunis-b": true])
            try await cloud.database.query(
                """
                UPDATE compute.hosts SET report = report || \(change)::jsonb, wanted_disabled = \(how == "disabled just now" ? true : nil)
                WHERE name = 'compute-2.tunis'
                """)
            #expect(try await available() == ["amsterdam": false, "london": true, "tunis": true, "tunis-b": false])
            let detail = try await cloud.call(.get, "/v2.1/os-availability-zone/detail", as: "admin").json
            let hosts = detail["availabilityZoneInfo"]?.array?.last?["hosts"]
            #expect(hosts?["compute-2.tunis"]?["nova-compute"]?["active"]?.bool == (how != "down"))
            let id = try await cloud.create("one", ["availability_zone": "tunis-b"])
            let row = try #require(
                try await cloud.database.query(
                    "SELECT zone, home_region FROM compute.servers WHERE id = \(id)"
                ).first)
            #expect(try row.textIfAny("zone") == "tunis-b")
            #expect(try row.textIfAny("home_region") == "tunis")
            for (region, status) in [("tunis", 202), ("london", 400)] {
                let answer = try await cloud.call(
                    .post, "/regions/\(region)/v2.1/servers", NovaFixture.body("x", ["availability_zone": "tunis-b"]))
                #expect(answer.status == status)
            }
        }
    }

    @Test func aZoneThatACellSaysBeforeItsHostsAreKnownIsAvailable() async throws {
        try await NovaFixture.with { cloud async throws in
            try await cloud.database.query("DELETE FROM compute.hosts WHERE cell = 'london'")
            let zones = try await cloud.call(.get, "/v2.1/os-availability-zone").json["availabilityZoneInfo"]?.array ?? []
            #expect(zones.map { $0["zoneState"]?["available"]?.bool } == [false, true, true])
            #expect(
                try await cloud.call(.post, "/v2.1/servers", NovaFixture.body("x", ["availability_zone": "amsterdam"])).status
                    == 202, "a region that has just been stood up has the zone of its name")
        }
    }

    @Test func aRegionsEndpointPinsAndScopes() async throws {
        try await NovaFixture.with { cloud async throws in
            let answer = try await cloud.call(.post, "/regions/tunis/v2.1/servers", NovaFixture.body())
            #expect(answer.status == 202)
            let id = try #require(answer.json["server"]?["id"]?.string)
            #expect(answer.headers[.location] == "http://compute.test:8774/regions/tunis/v2.1/servers/\(id)")
            #expect(try await cloud.call(.get, "/regions/tunis/v2.1/servers/\(id)").status == 200)
            #expect(try await cloud.call(.get, "/regions/london/v2.1/servers/\(id)").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)").status == 200)
            #expect(try await cloud.call(.get, "/regions/london/v2.1/servers").json["servers"]?.array?.isEmpty == true)
            #expect(try await cloud.call(.get, "/regions/tunis/v2.1/servers").json["servers"]?.array?.count == 1)
            #expect(try await cloud.call(.get, "/regions/tunis/meridian/v1/servers").json["servers"]?.array?.count == 1)
            #expect(try await cloud.call(.get, "/regions/london/meridian/v1/servers").json["servers"]?.array?.isEmpty == true)
            #expect(try await cloud.call(.get, "/regions/london/meridian/v1/servers/\(id)").status == 404)
            #expect(try await cloud.call(.get, "/meridian/v1/servers").json["servers"]?.array?.count == 1)
            let elsewhere = try await cloud.call(
                .post, "/regions/tunis/v2.1/servers", NovaFixture.body("x", ["availability_zone": "london"]))
            #expect(elsewhere.status == 400)
            #expect(try await cloud.call(.post, "/regions/atlantis/v2.1/servers", NovaFixture.body()).status == 400)
        }
    }

    @Test func aRegionsEndpointBindsTheRegionAndLeavesTheZoneFree() async throws {
        try await NovaFixture.with { cloud async throws in
            let answer = try await cloud.call(.post, "/regions/tunis/v2.1/servers", NovaFixture.body())
            let id = try #require(answer.json["server"]?["id"]?.string.flatMap { ServerID($0) })
            let row = try #require(
                try await cloud.database.query(
                    "SELECT zone, home_region, spec->>'zone' AS spec_zone FROM compute.servers WHERE id = \(id)"
                ).first)
            #expect(try row.textIfAny("zone") == nil && row.textIfAny("spec_zone") == nil)
            #expect(try (row.get("home_region")) == "tunis")
            #expect(try await cloud.show(id)["OS-EXT-AZ:availability_zone"] == "", "no host yet, and no zone was asked for")
            let explained = try await cloud.call(.get, "/meridian/v1/servers/\(id)/explain").json
            #expect(explained["asked_region"] == "tunis")
            #expect(explained["asked_zone"] == .null)
            try await cloud.place(id)
            try await cloud.settle(id)
            #expect(try await cloud.show(id)["OS-EXT-AZ:availability_zone"] == "tunis", "its host's zone")

            let zoned = try await cloud.call(
                .post, "/regions/tunis/v2.1/servers", NovaFixture.body("two", ["availability_zone": "tunis"]))
            let second = try #require(zoned.json["server"]?["id"]?.string.flatMap { ServerID($0) })
            #expect(try await cloud.show(second)["OS-EXT-AZ:availability_zone"] == "tunis", "the zone that was asked for")
        }
    }

    @Test func aZoneThatSeveralCellsSayBindsToNoneOfThem() async throws {
        try await NovaFixture.with { cloud async throws in
            let size = ResourceSize(vcpus: 16, ram: 32_768, disk: 100)
            let drifted = CellSummary(
                state: .up,
                zones: ["london", "tunis"].map {
                    .init(name: $0, hosts: 1, free: size, largest: size, total: size, traits: [])
                },
                weight: 1)
            try await cloud.database.query("UPDATE compute.cells SET summary = \(json: drifted) WHERE name = 'london'")
            func binding(_ id: ServerID) async throws -> [String?] {
                let row = try #require(
                    try await cloud.database.query("SELECT zone, home_region FROM compute.servers WHERE id = \(id)").first)
                return [try row.textIfAny("zone"), try row.textIfAny("home_region")]
            }
            #expect(try await binding(cloud.create("one", ["availability_zone": "tunis"])) == ["tunis", nil])
            #expect(try await binding(cloud.create("two", ["availability_zone": "london"])) == ["london", "london"])
            let scoped = try await cloud.call(
                .post, "/regions/london/v2.1/servers", NovaFixture.body("three", ["availability_zone": "tunis"]))
            let third = try #require(scoped.json["server"]?["id"]?.string.flatMap { ServerID($0) })
            #expect(try await binding(third) == ["tunis", "london"], "the region that was called is asked for")
        }
    }
}
