import CloudModel
import Database

/// A public key a user may put into servers.
struct KeypairRecord: Sendable {
    let user: UserID
    let name: String
    /// `ssh` or `x509`.
    let type: String
    let fingerprint: String
    let publicKey: String
    let created: Timestamp

    static let columns = "user_id, name, type, fingerprint, public_key, created_at"

    init(_ row: Row) throws {
        user = try row.get("user_id")
        name = try row.get("name")
        type = try row.get("type")
        fingerprint = try row.get("fingerprint")
        publicKey = try row.get("public_key")
        created = try row.get("created_at")
    }
}

/// Users' keys. They belong to users, not to projects, as in Nova.
struct KeypairStore: Sendable {
    let database: Database

    func list(of user: UserID, limit: Int?, after marker: String?) async throws -> [KeypairRecord] {
        let condition: SQL = if let marker { " AND name > \(marker)" } else { "" }
        return try await database.query(
            """
            SELECT \(unsafe: KeypairRecord.columns) FROM compute.keypairs
            WHERE user_id = \(user)\(condition) ORDER BY name LIMIT \(limit)
            """
        ).map(KeypairRecord.init)
    }

    func keypair(_ name: String, of user: UserID) async throws -> KeypairRecord? {
        try await database.query(
            "SELECT \(unsafe: KeypairRecord.columns) FROM compute.keypairs WHERE user_id = \(user) AND name = \(name)"
        ).first.map(KeypairRecord.init)
    }

    enum Added: Sendable { case added(KeypairRecord), nameTaken, overQuota }

    func insert(
        name: String, of user: UserID, type: String, publicKey: String, fingerprint: String, limit: Int
    ) async throws -> Added {
        try await database.transaction { transaction in
            try await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('compute.keypairs.' || \(user), 0))")
            let rows = try await transaction.query(
                "SELECT count(*) AS count, count(*) FILTER (WHERE name = \(name)) AS same FROM compute.keypairs WHERE user_id = \(user)"
            )
            let count: Int = try rows.first?.get("count") ?? 0
            let same: Int = try rows.first?.get("same") ?? 0
            guard same == 0 else { return .nameTaken }
            guard limit < 0 || count < limit else { return .overQuota }
            let added = try await transaction.query(
                """
                INSERT INTO compute.keypairs (user_id, name, type, fingerprint, public_key)
                VALUES (\(user), \(name), \(type), \(fingerprint), \(publicKey))
                RETURNING \(unsafe: KeypairRecord.columns)
                """)
            guard let row = added.first else { return .nameTaken }
            return .added(try KeypairRecord(row))
        }
    }

    /// False when there is none.
    func delete(_ name: String, of user: UserID) async throws -> Bool {
        try await database.query("DELETE FROM compute.keypairs WHERE user_id = \(user) AND name = \(name)").affected > 0
    }
}
