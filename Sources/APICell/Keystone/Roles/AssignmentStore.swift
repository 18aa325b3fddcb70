import CloudModel
import Database
import Tokens

/// One role of one user somewhere.
struct AssignmentRow: Sendable {
    let user: UserID
    let userName: String
    let userDomain: NamedDomain
    let role: NamedRole
    let scope: TokenSubject.Scope
}

struct AssignmentFilter: Sendable {
    var user: UserID?
    var role: String?
    var project: ProjectID?
    var domain: DomainID?
    var isSystem = false
    /// Implied roles as well.
    var isEffective = false
}

struct AssignmentStore: Sendable {
    let database: Database

    /// Whether it was new. Throws `foreignKeyViolation` for a user or role that doesn't exist.
    func grant(_ role: String, to user: UserID, in scope: TokenPayload.Scope) async throws {
        let (kind, target) = scope.columns
        try await database.query(
            """
            INSERT INTO keystone.assignments (user_id, scope, target_id, role_id) VALUES (\(user), \(kind), \(target), \(role))
            ON CONFLICT DO NOTHING
            """)
    }

    /// Whether there was one.
    func revoke(_ role: String, from user: UserID, in scope: TokenPayload.Scope) async throws -> Bool {
        let (kind, target) = scope.columns
        return try await database.query(
            """
            DELETE FROM keystone.assignments
            WHERE user_id = \(user) AND scope = \(kind) AND target_id = \(target) AND role_id = \(role)
            """
        ).affected > 0
    }

    /// Those given, without implied ones.
    func roles(of user: UserID, in scope: TokenPayload.Scope) async throws -> [RoleRow] {
        let (kind, target) = scope.columns
        return try await database.query(
            """
            SELECT r.id, r.name, r.description FROM keystone.assignments a JOIN keystone.roles r ON r.id = a.role_id
            WHERE a.user_id = \(user) AND a.scope = \(kind) AND a.target_id = \(target) ORDER BY r.name
            """
        ).map { RoleRow(id: try $0.get("id"), name: try $0.get("name"), description: try $0.get("description")) }
    }

    func assignments(_ filter: AssignmentFilter, limit: Int) async throws -> [AssignmentRow] {
        let kind: String? =
            filter.project != nil ? "project" : filter.domain != nil ? "domain" : filter.isSystem ? "system" : nil
        let target = filter.project?.rawValue ?? filter.domain?.rawValue
        let rows = try await database.query(
            """
            WITH RECURSIVE given AS (
                SELECT user_id, scope, target_id, role_id FROM keystone.assignments
                WHERE (\(filter.user) IS NULL OR user_id = \(filter.user)) AND (\(kind) IS NULL OR scope = \(kind))
                  AND (\(target) IS NULL OR target_id = \(target))
              UNION
                SELECT g.user_id, g.scope, g.target_id, i.implied_id
                FROM given g JOIN keystone.role_implications i ON i.prior_id = g.role_id
                WHERE \(filter.isEffective)
            )
            SELECT g.scope, u.id AS user_id, u.name AS user_name, ud.id AS user_domain_id, ud.name AS user_domain_name,
                   r.id AS role_id, r.name AS role_name,
                   p.id AS project_id, p.name AS project_name, pd.id AS project_domain_id, pd.name AS project_domain_name,
                   td.id AS target_domain_id, td.name AS target_domain_name
            FROM given g
            JOIN keystone.users u ON u.id = g.user_id JOIN keystone.domains ud ON ud.id = u.domain_id
            JOIN keystone.roles r ON r.id = g.role_id
            LEFT JOIN keystone.projects p ON g.scope = 'project' AND p.id = g.target_id
            LEFT JOIN keystone.domains pd ON pd.id = p.domain_id
            LEFT JOIN keystone.domains td ON g.scope = 'domain' AND td.id = g.target_id
            WHERE \(filter.role) IS NULL OR g.role_id = \(filter.role)
            ORDER BY g.user_id, g.scope, g.target_id, r.name LIMIT \(limit)
            """)
        return try rows.compactMap(Self.assignment)
    }

    private static func assignment(_ row: Row) throws -> AssignmentRow? {
        let kind: String = try row.get("scope")
        let scope: TokenSubject.Scope
        switch kind {
        case "project":
            guard let id: ProjectID = try row.get("project_id") else { return nil }
            let domain = NamedDomain(id: try row.get("project_domain_id"), name: try row.get("project_domain_name"))
            scope = .project(NamedProject(id: id, name: try row.get("project_name"), domain: domain))
        case "domain":
            guard let id: DomainID = try row.get("target_domain_id") else { return nil }
            scope = .domain(NamedDomain(id: id, name: try row.get("target_domain_name")))
        default: scope = .system
        }
        let home = NamedDomain(id: try row.get("user_domain_id"), name: try row.get("user_domain_name"))
        return AssignmentRow(
            user: try row.get("user_id"), userName: try row.get("user_name"), userDomain: home,
            role: NamedRole(id: try row.get("role_id"), name: try row.get("role_name")), scope: scope)
    }
}
