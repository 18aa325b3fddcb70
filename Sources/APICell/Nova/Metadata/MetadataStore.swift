import CloudModel
import Database

/// A server's metadata: Nova's column, sent down by the feed. Every change is one statement under the row's own lock, so that two
/// clients setting different keys lose neither.
struct MetadataStore: Sendable {
    let database: Database

    /// Adds and replaces keys; returns what is there now, nil when that would be more than `limit` (and nothing changed).
    func merge(_ items: String, into server: ServerID, limit: Int, at now: Timestamp) async throws -> String? {
        try await write(server, limit: limit, at: now, "metadata || \(jsonText: items)")
    }

    /// Replaces all of it; nil when that would be more than `limit`.
    func replace(_ items: String, of server: ServerID, limit: Int, at now: Timestamp) async throws -> String? {
        try await write(server, limit: limit, at: now, "\(jsonText: items)")
    }

    /// False when the key isn't there.
    func remove(_ key: String, of server: ServerID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE compute.servers SET metadata = metadata - \(key), updated_at = \(now)
            WHERE id = \(server) AND deleted_at IS NULL AND metadata ? \(key)
            """)
        return rows.affected > 0
    }

    private func write(_ server: ServerID, limit: Int, at now: Timestamp, _ value: SQL) async throws -> String? {
        let rows = try await database.query(
            """
            UPDATE compute.servers SET metadata = \(value), updated_at = \(now)
            WHERE id = \(server) AND deleted_at IS NULL
                AND (\(limit)::bigint < 0 OR (SELECT count(*) FROM jsonb_object_keys(\(value))) <= \(limit))
            RETURNING metadata::text AS metadata
            """)
        return try rows.first?.get("metadata")
    }
}
