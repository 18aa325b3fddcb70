import APIConventions
import CloudModel
import Database
import HTTPTypes
import Testing

@testable import Nova

@Suite struct HostStatusTests {
    private func setUp(_ isUp: Bool, _ cloud: NovaFixture) async throws {
        try await cloud.database.query(
            """
            UPDATE compute.hosts SET report = jsonb_set(report, '{up}', to_jsonb(\(isUp)::bool)) WHERE name = 'compute-1.tunis'
            """)
    }

    @Test func aServerSaysHowItsHostIs() async throws {
        try await NovaFixture.with { cloud async throws in
            let id = try await cloud.active()
            func statuses() async throws -> [String?] {
                let list = try await cloud.call(.get, "/v2.1/servers/detail?all_tenants=1", as: "admin", version: "2.16")
                return [
                    try await cloud.show(id, as: "admin", version: "2.16")["host_status"]?.string,
                    list.json["servers"]?.array?.first?["host_status"]?.string,
                ]
            }
            #expect(try await statuses() == ["UP", "UP"])
            #expect(try await cloud.show(id, version: "2.16")["host_status"] == nil)
            try await setUp(false, cloud)
            #expect(try await statuses() == ["DOWN", "DOWN"])
            try await cloud.database.query(
                "UPDATE compute.cell_contacts SET last_contact = now() - interval '1 minute' WHERE cell = 'tunis'")
            #expect(try await statuses() == ["UNKNOWN", "UNKNOWN"])
            let body: JSONValue = ["host": "compute-1.tunis", "binary": "nova-compute"]
            #expect(try await cloud.call(.put, "/v2.1/os-services/disable", body, as: "admin").status == 200)
            #expect(try await statuses() == ["MAINTENANCE", "MAINTENANCE"])
            let nowhere = try await cloud.create("nowhere")
            #expect(try await cloud.show(nowhere, as: "admin", version: "2.16")["host_status"] == "")
        }
    }

    @Test func onlyTheServiceOfADeadAndEmptyHostIsDeleted() async throws {
        try await NovaFixture.with { cloud async throws in
            let server = try await cloud.active()
            let services = try await cloud.call(.get, "/v2.1/os-services?host=compute-1.tunis", as: "admin").json["services"]
            let path = "/v2.1/os-services/\(try #require(services?.array?.first?["id"]?.int))"
            #expect(try await cloud.call(.delete, path).status == 403)
            #expect(try await cloud.call(.delete, path, as: "admin").message.contains("is up"))
            try await setUp(false, cloud)
            let used = try await cloud.call(.delete, path, as: "admin")
            #expect(used.status == 409)
            #expect(used.message.contains("still has servers"))
            try await cloud.database.query("UPDATE compute.servers SET deleted_at = now() WHERE id = \(server)")
            #expect(try await cloud.call(.delete, path, as: "admin").status == 204)
            #expect(try await cloud.call(.delete, path, as: "admin").status == 404)
            #expect(try await cloud.call(.delete, "/v2.1/os-services/x", as: "admin").status == 400)
            #expect(try await cloud.count("compute.hosts") == 1)
        }
    }
}
