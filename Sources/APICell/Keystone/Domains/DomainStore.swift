import APIConventions
import CloudModel
import Database

struct DomainRow: Sendable, Equatable {
    var id: DomainID
    var name: String
    var description: String
    var enabled: Bool
}

struct DomainStore: Sendable {
    let database: Database

    func domains(name: String?, enabled: Bool?) async throws -> [DomainRow] {
        try await database.query(
            """
            SELECT id, name, description, enabled FROM keystone.domains
            WHERE (\(name) IS NULL OR name = \(name)) AND (\(enabled) IS NULL OR enabled = \(enabled)) ORDER BY id
            """
        ).map(Self.domain)
    }

    /// Those in which the user has a role.
    func domains(of user: UserID) async throws -> [DomainRow] {
        try await database.query(
            """
            SELECT id, name, description, enabled FROM keystone.domains
            WHERE enabled AND id IN (SELECT target_id FROM keystone.assignments WHERE user_id = \(user) AND scope = 'domain')
            ORDER BY id
            """
        ).map(Self.domain)
    }

    func domain(_ id: DomainID) async throws -> DomainRow? {
        try await database.query("SELECT id, name, description, enabled FROM keystone.domains WHERE id = \(id)").first.map(
            Self.domain)
    }

    func insert(_ domain: DomainRow) async throws {
        try await database.query(
            """
            INSERT INTO keystone.domains (id, name, description, enabled)
            VALUES (\(domain.id), \(domain.name), \(domain.description), \(domain.enabled))
            """)
    }

    func update(_ domain: DomainRow) async throws {
        try await database.query(
            """
            UPDATE keystone.domains SET name = \(domain.name), description = \(domain.description), enabled = \(domain.enabled)
            WHERE id = \(domain.id)
            """)
    }

    func delete(_ id: DomainID) async throws -> Bool {
        try await database.query("DELETE FROM keystone.domains WHERE id = \(id)").affected > 0
    }

    private static func domain(_ row: Row) throws -> DomainRow {
        DomainRow(
            id: try row.get("id"), name: try row.get("name"), description: try row.get("description"),
            enabled: try row.get("enabled"))
    }
}

extension JSONWriter {
    mutating func domain(_ domain: DomainRow, _ identity: Identity) {
        field("id", domain.id)
        field("name", domain.name)
        field("description", domain.description)
        field("enabled", domain.enabled)
        array("tags") { _ in }
        object("options") { _ in }
        selfLink(identity.link("domains/\(domain.id)"))
    }
}
