import APIConventions
import CloudModel
import HTTPTypes
import Testing

@testable import Nova

@Suite struct VersionTests {
    @Test func versionsAreDiscoveredWithoutAToken() async throws {
        try await NovaFixture.with { cloud async throws in
            let list = try await cloud.call(.get, "/", as: nil)
            #expect(list.status == 200)
            #expect(list.json["versions"]?.array?.map { $0["id"]?.string } == ["v2.0", "v2.1"])
            #expect(list.json["versions"]?.array?.last?["version"] == "2.37")
            for path in ["/v2.1", "/v2.1/"] {
                let shown = try await cloud.call(.get, path, as: nil)
                #expect(shown.json["version"]?["min_version"] == "2.1")
                #expect(shown.json["version"]?["links"]?.array?.first?["href"] == "http://compute.test:8774/v2.1/")
            }
            let region = try await cloud.call(.get, "/regions/tunis/v2.1", as: nil)
            #expect(region.json["version"]?["links"]?.array?.first?["href"] == "http://compute.test:8774/regions/tunis/v2.1/")
        }
    }

    @Test func theMicroversionIsEchoedInBothHeadersAlsoOnErrors() async throws {
        try await NovaFixture.with { cloud async throws in
            let plain = try await cloud.call(.get, "/v2.1/servers")
            #expect(plain.headers[.openStackAPIVersion] == "compute 2.1")
            #expect(plain.headers[.novaAPIVersion] == "2.1")
            #expect(plain.headers[.vary] == "OpenStack-API-Version, X-OpenStack-Nova-API-Version")
            let legacy = try await cloud.call(.get, "/v2.1/servers", headers: ["X-OpenStack-Nova-API-Version": "2.26"])
            #expect(legacy.headers[.novaAPIVersion] == "2.26")
            let latest = try await cloud.call(.get, "/v2.1/servers", version: "latest")
            #expect(latest.headers[.openStackAPIVersion] == "compute 2.37")
            let missing = try await cloud.call(.get, "/v2.1/servers/\(ServerID.random())", version: "2.30")
            #expect(missing.status == 404)
            #expect(missing.headers[.openStackAPIVersion] == "compute 2.30")
            #expect(missing.headers[.computeRequestID] == missing.headers[.openStackRequestID])
        }
    }

    @Test func versionsOutsideTheRangeAre406AndMalformedOnes400() async throws {
        try await NovaFixture.with { cloud async throws in
            for version in ["2.38", "2.0", "3.1", "1.9"] {
                let answer = try await cloud.call(.get, "/v2.1/servers", version: version)
                #expect(answer.status == 406)
                #expect(answer.message == "Version \(version) is not supported by the API. Minimum is 2.1 and maximum is 2.37.")
            }
            for version in ["2", "2.", "two", "2.01x", "-2.1"] {
                #expect(try await cloud.call(.get, "/v2.1/servers", version: version).status == 400)
            }
            // Another service's version is none of our business.
            let other = try await cloud.call(.get, "/v2.1/servers", headers: ["OpenStack-API-Version": "volume 3.50"])
            #expect(other.headers[.novaAPIVersion] == "2.1")
        }
    }

    @Test func theProjectMayStandInThePath() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.create()
            #expect(try await cloud.call(.get, "/v2.1/\(NovaFixture.project)/servers/\(id)").status == 200)
            #expect(try await cloud.call(.get, "/v2.1/\(NovaFixture.project)/servers/detail").status == 200)
            #expect(try await cloud.call(.get, "/v2.1/\(NovaFixture.otherProject)/servers/\(id)").status == 400)
        }
    }

    @Test func whatIsNotServedSaysSo() async throws {
        try await NovaFixture.with { cloud async throws in
            #expect(try await cloud.call(.get, "/v2.1/os-networks").status == 501)
            #expect(try await cloud.call(.post, "/v2.1/os-aggregates", ["aggregate": ["name": "x"]]).status == 403)
            #expect(try await cloud.call(.post, "/v2.1/os-aggregates", ["aggregate": ["name": "x"]], as: "admin").status == 501)
            let id = try await cloud.create()
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/os-server-password").json == ["password": ""])
            #expect(try await cloud.call(.delete, "/v2.1/servers/\(id)/os-server-password").status == 204)
            #expect(try await cloud.call(.get, "/v2.1/servers/\(id)/os-server-password", as: "stranger").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/os-aggregates/1").status == 501)
            #expect(try await cloud.call(.get, "/v2.1/os-aggregates", as: "admin").json == ["aggregates": []])
            #expect(try await cloud.call(.get, "/v2.1/os-nonsense").status == 404)
            #expect(try await cloud.call(.put, "/v2.1/servers").status == 405)
            let extensions = try await cloud.call(.get, "/v2.1/extensions").json["extensions"]?.array ?? []
            #expect(extensions.contains { $0["alias"] == "os-hosts" && $0["name"] == "Hosts" })
            #expect(try await cloud.call(.get, "/v2.1/extensions/os-hosts").json["extension"]?["name"] == "Hosts")
            #expect(try await cloud.call(.get, "/v2.1/extensions/os-nonsense").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/servers", as: nil).status == 401)
        }
    }

    @Test(
        arguments: [
            ("2026-11-20", 1_795_132_800_000_000), ("2026-11-20T01:02:03Z", 1_795_136_523_000_000),
            ("2026-11-20T01:02:03.5", 1_795_136_523_500_000), ("2026-11-20T03:02:03+02:00", 1_795_136_523_000_000),
            ("2026-11-20 01:02", 1_795_136_520_000_000),
        ] as [(String, Int64)])
    func timesAreReadInEveryFormThatClientsWrite(_ text: String, _ microseconds: Int64) {
        #expect(Timestamp(iso8601: text)?.microseconds == microseconds)
    }

    @Test(arguments: ["", "2011/01/01", "2026-13-01", "now", "2026-11-20T25:00:00", "2026-11-20T01:02:03Zx"])
    func otherTimesAreRefused(_ text: String) { #expect(Timestamp(iso8601: text) == nil) }
}
