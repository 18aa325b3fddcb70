import APIConventions
import CloudModel
import Database

struct UserRow: Sendable, Equatable {
    var id: UserID
    var name: String
    var domain: DomainID
    var description: String?
    var enabled: Bool
    var defaultProject: ProjectID?
    var extra: JSONObject
}

struct UserFilter: Sendable {
    var name: String?
    var domain: DomainID?
    var enabled: Bool?
}

struct UserStore: Sendable {
    let database: Database

    func users(_ filter: UserFilter, after marker: String?, limit: Int) async throws -> [UserRow] {
        try await database.query(
            """
            SELECT id, name, domain_id, description, enabled, default_project_id, extra FROM keystone.users
            WHERE (\(filter.name) IS NULL OR name = \(filter.name)) AND (\(filter.domain) IS NULL OR domain_id = \(filter.domain))
              AND (\(filter.enabled) IS NULL OR enabled = \(filter.enabled)) AND (\(marker) IS NULL OR id > \(marker))
            ORDER BY id LIMIT \(limit)
            """
        ).map(Self.user)
    }

    func user(_ id: UserID) async throws -> UserRow? {
        try await database.query(
            "SELECT id, name, domain_id, description, enabled, default_project_id, extra FROM keystone.users WHERE id = \(id)"
        ).first.map(Self.user)
    }

    func insert(_ user: UserRow, passwordHash: String?) async throws {
        try await database.query(
            """
            INSERT INTO keystone.users (id, name, domain_id, description, enabled, default_project_id, password_hash, extra)
            VALUES (\(user.id), \(user.name), \(user.domain), \(user.description), \(user.enabled), \(user.defaultProject),
                    \(passwordHash), \(jsonText: user.extra.text))
            """)
    }

    func update(_ user: UserRow) async throws {
        try await database.query(
            """
            UPDATE keystone.users SET name = \(user.name), description = \(user.description), enabled = \(user.enabled),
                   default_project_id = \(user.defaultProject), extra = \(jsonText: user.extra.text)
            WHERE id = \(user.id)
            """)
    }

    /// Also makes every token void that the user has: who knew the old password is out.
    func setPassword(of user: UserID, hash: String, now: Timestamp) async throws {
        try await database.query(
            "UPDATE keystone.users SET password_hash = \(hash), tokens_not_before = \(now) WHERE id = \(user)")
    }

    func passwordHash(of user: UserID) async throws -> String? {
        try await database.query("SELECT password_hash FROM keystone.users WHERE id = \(user)").first?.get("password_hash")
    }

    func delete(_ id: UserID) async throws -> Bool {
        try await database.query("DELETE FROM keystone.users WHERE id = \(id)").affected > 0
    }

    private static func user(_ row: Row) throws -> UserRow {
        UserRow(
            id: try row.get("id"), name: try row.get("name"), domain: try row.get("domain_id"),
            description: try row.get("description"),
            enabled: try row.get("enabled"), defaultProject: try row.get("default_project_id"),
            extra: try JSONValue(parsing: try row.jsonText("extra") ?? "{}").object ?? [:])
    }
}

extension JSONWriter {
    mutating func user(_ user: UserRow, _ identity: Identity) {
        extra(user.extra)
        field("id", user.id)
        field("name", user.name)
        field("domain_id", user.domain)
        field("enabled", user.enabled)
        if let description = user.description { field("description", description) }
        if let project = user.defaultProject { field("default_project_id", project) }
        null("password_expires_at")
        object("options") { _ in }
        selfLink(identity.link("users/\(user.id)"))
    }
}
