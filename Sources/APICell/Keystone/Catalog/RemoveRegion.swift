import CloudModel
package import Database

/// Takes a child region out of the catalog with all its endpoints. In the caller's transaction; tokens that were issued before show it
/// until they expire.
package struct RemoveRegion: Sendable {
    package let region: String

    package init(_ region: String) { self.region = region }

    /// Returns a line for everything that was there. The federation's own region, and one with regions below it, stay.
    package func callAsFunction(in transaction: Transaction) async throws -> [String] {
        guard region != Catalog.federation else {
            throw CloudError(.badRequest, "\(region) is the federation itself; only the regions below it can be removed.")
        }
        let below = try await transaction.query(
            "SELECT id FROM keystone.regions WHERE parent_region_id = \(region) ORDER BY id"
        )
        .map { try $0.get("id") as String }
        guard below.isEmpty else {
            throw CloudError(
                .conflict, "The region \(region) has regions below it: \(below.joined(separator: ", ")). Remove them first.")
        }
        var removed: [String] = []
        let endpoints = try await transaction.query("DELETE FROM keystone.endpoints WHERE region_id = \(region)").affected
        if endpoints > 0 { removed.append("\(endpoints) endpoints of \(region)") }
        if try await transaction.query("DELETE FROM keystone.regions WHERE id = \(region)").affected > 0 {
            removed.append("region \(region)")
        }
        return removed
    }
}
