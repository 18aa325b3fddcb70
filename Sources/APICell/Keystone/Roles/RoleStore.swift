import APIConventions
import CloudModel
import Database

struct RoleRow: Sendable, Equatable {
    var id: String
    var name: String
    var description: String?
}

struct RoleStore: Sendable {
    let database: Database

    func roles(name: String?) async throws -> [RoleRow] {
        try await database.query(
            "SELECT id, name, description FROM keystone.roles WHERE \(name) IS NULL OR name = \(name) ORDER BY name"
        ).map(Self.role)
    }

    func role(_ id: String) async throws -> RoleRow? {
        try await database.query("SELECT id, name, description FROM keystone.roles WHERE id = \(id)").first.map(Self.role)
    }

    func insert(_ role: RoleRow) async throws {
        try await database.query(
            "INSERT INTO keystone.roles (id, name, description) VALUES (\(role.id), \(role.name), \(role.description))")
    }

    func update(_ role: RoleRow) async throws {
        try await database.query(
            "UPDATE keystone.roles SET name = \(role.name), description = \(role.description) WHERE id = \(role.id)")
    }

    func delete(_ id: String) async throws -> Bool {
        try await database.query("DELETE FROM keystone.roles WHERE id = \(id)").affected > 0
    }

    /// Throws `foreignKeyViolation` for a role that doesn't exist, `checkViolation` for one that would imply itself.
    func imply(_ implied: String, by prior: String) async throws {
        try await database.query(
            "INSERT INTO keystone.role_implications (prior_id, implied_id) VALUES (\(prior), \(implied)) ON CONFLICT DO NOTHING"
        )
    }

    /// Whether it did.
    func stopImplying(_ implied: String, by prior: String) async throws -> Bool {
        try await database.query(
            "DELETE FROM keystone.role_implications WHERE prior_id = \(prior) AND implied_id = \(implied)"
        ).affected > 0
    }

    /// Which role implies which, one step at a time.
    func implications() async throws -> [(prior: RoleRow, implied: RoleRow)] {
        try await database.query(
            """
            SELECT p.id, p.name, p.description, i.id AS implied_id, i.name AS implied_name, i.description AS implied_description
            FROM keystone.role_implications r
            JOIN keystone.roles p ON p.id = r.prior_id JOIN keystone.roles i ON i.id = r.implied_id
            ORDER BY p.name, i.name
            """
        ).map { row in
            (
                try Self.role(row),
                RoleRow(
                    id: try row.get("implied_id"), name: try row.get("implied_name"),
                    description: try row.get("implied_description"))
            )
        }
    }

    private static func role(_ row: Row) throws -> RoleRow {
        RoleRow(id: try row.get("id"), name: try row.get("name"), description: try row.get("description"))
    }
}

extension JSONWriter {
    mutating func role(_ role: RoleRow, _ identity: Identity) {
        field("id", role.id)
        field("name", role.name)
        field("description", role.description)
        null("domain_id")
        object("options") { _ in }
        selfLink(identity.link("roles/\(role.id)"))
    }
}
