import APIConventions
import CloudModel
import Database

struct ProjectRow: Sendable, Equatable {
    var id: ProjectID
    var name: String
    var domain: DomainID
    var description: String
    var enabled: Bool
    /// nil: the domain.
    var parent: ProjectID?
    var tags: [String]
    var extra: JSONObject
}

struct ProjectFilter: Sendable {
    var name: String?
    var domain: DomainID?
    var parent: String?
    var enabled: Bool?
    var tags: [String] = []
}

struct ProjectStore: Sendable {
    let database: Database

    func projects(_ filter: ProjectFilter, after marker: String?, limit: Int) async throws -> [ProjectRow] {
        try await database.query(
            """
            SELECT id, name, domain_id, description, enabled, parent_id, tags, extra FROM keystone.projects
            WHERE (\(filter.name) IS NULL OR name = \(filter.name)) AND (\(filter.domain) IS NULL OR domain_id = \(filter.domain))
              AND (\(filter.parent) IS NULL OR coalesce(parent_id, domain_id) = \(filter.parent))
              AND (\(filter.enabled) IS NULL OR enabled = \(filter.enabled))
              AND tags @> \(filter.tags) AND (\(marker) IS NULL OR id > \(marker))
            ORDER BY id LIMIT \(limit)
            """
        ).map(Self.project)
    }

    /// Those in which the user has a role, as far as they are open.
    func projects(of user: UserID) async throws -> [ProjectRow] {
        try await database.query(
            """
            SELECT p.id, p.name, p.domain_id, p.description, p.enabled, p.parent_id, p.tags, p.extra
            FROM keystone.projects p JOIN keystone.domains d ON d.id = p.domain_id AND d.enabled
            WHERE p.enabled AND p.id IN (SELECT target_id FROM keystone.assignments WHERE user_id = \(user) AND scope = 'project')
            ORDER BY p.id
            """
        ).map(Self.project)
    }

    func project(_ id: ProjectID) async throws -> ProjectRow? {
        try await database.query(
            "SELECT id, name, domain_id, description, enabled, parent_id, tags, extra FROM keystone.projects WHERE id = \(id)"
        ).first.map(Self.project)
    }

    func insert(_ project: ProjectRow) async throws {
        try await database.query(
            """
            INSERT INTO keystone.projects (id, name, domain_id, description, enabled, parent_id, tags, extra)
            VALUES (\(project.id), \(project.name), \(project.domain), \(project.description), \(project.enabled), \(project.parent),
                    \(project.tags), \(jsonText: project.extra.text))
            """)
    }

    func update(_ project: ProjectRow) async throws {
        try await database.query(
            """
            UPDATE keystone.projects SET name = \(project.name), description = \(project.description), enabled = \(project.enabled),
                   tags = \(project.tags), extra = \(jsonText: project.extra.text)
            WHERE id = \(project.id)
            """)
    }

    func delete(_ id: ProjectID) async throws -> Bool {
        try await database.query("DELETE FROM keystone.projects WHERE id = \(id)").affected > 0
    }

    private static func project(_ row: Row) throws -> ProjectRow {
        ProjectRow(
            id: try row.get("id"), name: try row.get("name"), domain: try row.get("domain_id"),
            description: try row.get("description"),
            enabled: try row.get("enabled"), parent: try row.get("parent_id"), tags: try row.get("tags"),
            extra: try JSONValue(parsing: try row.jsonText("extra") ?? "{}").object ?? [:])
    }
}

extension JSONWriter {
    mutating func project(_ project: ProjectRow, _ identity: Identity) {
        extra(project.extra)
        field("id", project.id)
        field("name", project.name)
        field("domain_id", project.domain)
        field("description", project.description)
        field("enabled", project.enabled)
        field("parent_id", project.parent?.rawValue ?? project.domain.rawValue)
        field("is_domain", false)
        field("tags", project.tags)
        object("options") { _ in }
        selfLink(identity.link("projects/\(project.id)"))
    }
}
