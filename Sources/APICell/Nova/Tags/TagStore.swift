import CloudModel
import Database

/// A server's tags, at most `limit` (Nova's MAX_TAG_COUNT).
struct TagStore: Sendable {
    let database: Database
    static let limit = 50
    static let longestTag = 60

    func replace(_ tags: [String], of server: ServerID, at now: Timestamp) async throws {
        try await database.query(
            "UPDATE compute.servers SET tags = \(tags)::text[], updated_at = \(now) WHERE id = \(server) AND deleted_at IS NULL"
        )
    }

    enum Added: Sendable { case added, alreadyThere, tooMany }

    func add(_ tag: String, to server: ServerID, at now: Timestamp) async throws -> Added {
        let rows = try await database.query(
            """
            UPDATE compute.servers SET tags = array_append(tags, \(tag)), updated_at = \(now)
            WHERE id = \(server) AND deleted_at IS NULL AND NOT \(tag) = ANY(tags) AND cardinality(tags) < \(Self.limit)
            """)
        if rows.affected > 0 { return .added }
        let there = try await database.query(
            "SELECT \(tag) = ANY(tags) AS there FROM compute.servers WHERE id = \(server)")
        return try there.first?.get("there") == true ? .alreadyThere : .tooMany
    }

    /// False when it isn't there.
    func remove(_ tag: String, of server: ServerID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE compute.servers SET tags = array_remove(tags, \(tag)), updated_at = \(now)
            WHERE id = \(server) AND deleted_at IS NULL AND \(tag) = ANY(tags)
            """)
        return rows.affected > 0
    }
}
