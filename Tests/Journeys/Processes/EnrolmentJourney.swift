import CloudTestKit
import Database
import Foundation
import ProcessFederation
import Testing

extension ProcessJourneys {
    /// A region that nobody knows knocks in vain; with a token its cell is let in at once, takes its place in the catalog, and builds servers.
    /// When the region is removed its key opens nothing any more.
    @Test func aCellJoinsWithATokenAndNotWithout() async throws {
        var plan = ProcessFederation.Plan()
        plan.regions = ["london", "tunis"]
        plan.hostsPerRegion = 2
        plan.strangers = ["tunis"]
        try await ProcessFederation.with(plan) { federation in
            let tenant = try await federation.tenant()
            let image = try await tenant.makeImage()
            #expect(try await federation.cellNames() == ["london"])
            #expect(try await federation.catalogRegions() == ["london", "meridian"])

            let tokenFile = "\(federation.folder)/tunis/etc/enrolment.token"
            try Data("not-a-token\n".utf8).write(to: URL(fileURLWithPath: tokenFile))
            let refused = await #expect(throws: ProcessFederationError.self) {
                try await federation.manage(["join", "--token-file", tokenFile], on: "tunis")
            }
            #expect(refused?.description.contains("The enrolment token is not valid") == true, "\(String(describing: refused))")
            #expect(try await federation.cellNames() == ["london"])

            let token = try await federation.manage(["enrolment", "create", "--cell", "tunis", "--ttl", "5m"])
            try Data(token.utf8).write(to: URL(fileURLWithPath: tokenFile))
            #expect(
                try await federation.manage(["join", "--token-file", tokenFile], on: "tunis") == "tunis has joined meridian\n")
            // Its conductor knocked all the while, and is not restarted. Refused, it dials again 3, 9, 21 and 33 s after its start.
            try await Wait.until("tunis is in contact with its hosts", within: .seconds(60)) {
                let hosts = try await federation.topDatabase.rows(
                    "SELECT count(*) AS n FROM compute.hosts WHERE cell = 'tunis'")
                return try hosts.first?.get("n") == Int64(2)
            }
            #expect(try await federation.catalogRegions() == ["london", "meridian", "tunis"])
            #expect(try await federation.manage(["join", "--token-file", tokenFile], on: "tunis") == "tunis was in meridian\n")

            let server = try await tenant.boot("first", image: image, zone: "tunis")
            try await tenant.waitUntilActive([server: "first"], within: .seconds(45))
            try await tenant.delete(server)
            try await Wait.until("it is gone", within: .seconds(45)) { try await tenant.servers().servers.isEmpty }

            let cell = try #require(federation.cells["tunis"])
            await cell.conductor.takeDown()
            let removed = try await federation.manage(["region", "remove", "tunis", "--force"])
            #expect(removed.contains("removed key of tunis"), "\(removed)")
            #expect(try await federation.catalogRegions() == ["london", "meridian"])
            let list = try await federation.manage(["enrolment", "list"])
            #expect(list.hasPrefix("cell  london"))
            #expect(!list.contains("tunis"))
        }
    }
}

extension ProcessFederation {
    /// Cells that have ever joined.
    fileprivate func cellNames() async throws -> [String] {
        try await topDatabase.rows("SELECT name FROM compute.cells ORDER BY name").map { try $0.get("name") }
    }

    fileprivate func catalogRegions() async throws -> [String] {
        try await topDatabase.rows("SELECT DISTINCT region_id FROM keystone.endpoints ORDER BY 1").map {
            try $0.get("region_id")
        }
    }
}
