import CloudModel
import Database

/// A server's metadata: Nova's column, sent down by the feed. Every change is one statement under the row's own lock, so that two
/// clients setting different keys lose neither.
struct MetadataStore: Sendable {
    let database: Database

    enum Written: Sendable {
        /// What is there now.
        case stored(String)
        /// It would be more than `limit` items, or more bytes than travel with a server: nothing changed.
        case tooMany, tooLarge
    }

    /// Adds and replaces keys.
    func merge(_ items: String, into server: ServerID, limit: Int, at now: Timestamp) async throws -> Written {
        try await write(server, limit: limit, at: now, "metadata || \(jsonText: items)")
    }

    /// Replaces all of it.
    func replace(_ items: String, of server: ServerID, limit: Int, at now: Timestamp) async throws -> Written {
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

    private func write(_ server: ServerID, limit: Int, at now: Timestamp, _ value: SQL) async throws -> Written {
        let rows = try await database.query(
            """
            UPDATE compute.servers SET metadata = \(value), updated_at = \(now)
            WHERE id = \(server) AND deleted_at IS NULL
                AND (\(limit)::bigint < 0 OR (SELECT count(*) FROM jsonb_object_keys(\(value))) <= \(limit))
                AND octet_length((\(value))::text) <= \(Int64(ServerTexts.largestMetadata))
            RETURNING metadata::text AS metadata
            """)
        if let row = rows.first { return .stored(try row.get("metadata")) }
        let sizes = try await database.query(
            """
            SELECT octet_length((\(value))::text) > \(Int64(ServerTexts.largestMetadata)) AS large
            FROM compute.servers WHERE id = \(server)
            """)
        return try sizes.first?.get("large") == true ? .tooLarge : .tooMany
    }
}
