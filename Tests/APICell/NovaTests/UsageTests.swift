import APIConventions
import CloudModel
import CloudTestKit
import Database
import Foundation
import HTTPTypes
import Testing

@testable import Nova

@Suite struct UsageTests {
    @Test func whatRanInAPeriodIsCountedAndNoMore() async throws {
        try await NovaFixture.with { cloud async throws in
            let running = try await cloud.active("running")
            let ended = try await cloud.active("ended")
            _ = try await cloud.create("waiting")
            try await cloud.database.query(
                "UPDATE compute.servers SET launched_at = now() - interval '3 hours' WHERE id = \(running)")
            try await cloud.database.query(
                """
                UPDATE compute.servers SET launched_at = now() - interval '10 hours', terminated_at = now() - interval '1 hours',
                    deleted_at = now() WHERE id = \(ended)
                """)
            let start = (Timestamp.now() - .seconds(2 * 3_600)).withoutZone
            let path = "/v2.1/os-simple-tenant-usage"
            let answer = try await cloud.call(.get, "\(path)/\(NovaFixture.project)?start=\(start)")
            let usage = try #require(answer.json["tenant_usage"]?.object, "\(answer.text)")
            #expect(
                usage.keys.sorted() == [
                    "server_usages", "start", "stop", "tenant_id", "total_hours", "total_local_gb_usage",
                    "total_memory_mb_usage", "total_vcpus_usage",
                ])
            // Two hours of one and one of the other.
            #expect(abs((usage["total_hours"].flatMap { Double($0.text) } ?? 0) - 3) < 0.05)
            let servers = try #require(usage["server_usages"]?.array)
            #expect(servers.map { $0["name"]?.string } == ["running", "ended"])
            #expect(servers.map { $0["state"]?.string } == ["active", "terminated"])

            let all = try await cloud.call(.get, "\(path)?start=\(start)", as: "admin")
            #expect(all.json["tenant_usages"]?.array?.map { $0["tenant_id"]?.string } == [NovaFixture.project.rawValue])
            #expect(all.json["tenant_usages"]?.array?.first?["server_usages"] == nil)
            #expect(try await cloud.call(.get, path).status == 403)
            #expect(try await cloud.call(.get, "\(path)/\(NovaFixture.otherProject)").status == 403)
            #expect(try await cloud.call(.get, "\(path)/\(NovaFixture.project)?start=2026-01-02&end=2026-01-01").status == 400)
            #expect(try await cloud.call(.get, "\(path)/\(NovaFixture.project)?start=yesterday").status == 400)
            #expect(
                try await cloud.call(.get, "\(path)/\(NovaFixture.project)?start=2026-01-01&end=2026-01-02").json
                    == ["tenant_usage": [:]])
        }
    }
}

@Suite struct OldHostTests {
    @Test func hostsAreListedShownAndDisabledUnderTheirOldestName() async throws {
        try await NovaFixture.with { cloud async throws in
            func hosts(_ query: String) async throws -> [String?] {
                let answer = try await cloud.call(.get, "/v2.1/os-hosts\(query)", as: "admin")
                return answer.json["hosts"]?.array?.map { $0["host_name"]?.string } ?? []
            }
            #expect(try await hosts("") == ["compute-1.london", "compute-1.tunis"])
            #expect(try await hosts("?zone=") == ["compute-1.london", "compute-1.tunis"])
            #expect(try await hosts("?zone=tunis") == ["compute-1.tunis"])
            #expect(try await hosts("?zone=mars") == [])
            let path = "/v2.1/os-hosts/compute-1.tunis"
            let shown = try await cloud.call(.get, path, as: "admin")
            #expect(shown.json["host"]?.array?.first?["resource"]?["memory_mb"] == 32_768)
            #expect(try await cloud.call(.put, path, ["status": "invalid"], as: "admin").status == 400)
            #expect(try await cloud.call(.put, path, [:], as: "admin").status == 400)
            #expect(try await cloud.call(.put, path, ["status": "disable"], as: "admin").json["status"] == "disabled")
            #expect(try await cloud.call(.get, "/v2.1/os-hosts/nosuch", as: "admin").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/os-hosts/nosuch/reboot", as: "admin").status == 404)
            #expect(try await cloud.call(.get, "/v2.1/os-hosts").status == 403)
            #expect(try await cloud.call(.get, "\(path)/reboot").status == 403)
        }
    }
}
