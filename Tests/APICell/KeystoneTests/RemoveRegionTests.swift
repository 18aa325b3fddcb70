import CloudModel
import CloudTestKit
import Database
import Keystone
import Testing

/// A region that is taken out of the catalog.
@Suite struct RemoveRegionTests {
    private func remove(_ region: String, from database: Database) async throws -> [String] {
        try await database.transaction { try await RemoveRegion(region)(in: $0) }
    }

    @Test func itsEndpointsGoWithIt() async throws {
        try await KeystoneFixture.with { keystone in
            #expect(try await remove("tunis", from: keystone.database) == ["9 endpoints of tunis", "region tunis"])
            #expect(try await remove("tunis", from: keystone.database) == [], "it may be repeated")
            let left = try await keystone.database.query("SELECT DISTINCT region_id FROM keystone.endpoints ORDER BY 1")
            #expect(try left.map { try $0.get("region_id") as String } == ["amsterdam", "london", "meridian"])
        }
    }

    @Test func theFederationItselfStays() async throws {
        try await KeystoneFixture.with { keystone in
            await #expect(throws: CloudError.self) { try await remove("meridian", from: keystone.database) }
        }
    }

    @Test func aRegionWithRegionsBelowItStays() async throws {
        try await KeystoneFixture.with { keystone in
            try await keystone.database.query(
                "INSERT INTO keystone.regions (id, parent_region_id) VALUES ('sfax', 'tunis')")
            await #expect(throws: CloudError.self) { try await remove("tunis", from: keystone.database) }
            #expect(try await remove("sfax", from: keystone.database) == ["region sfax"])
        }
    }
}
