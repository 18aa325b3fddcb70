import CloudModel
import Database
import Tokens

/// What tokens need from the database.
struct TokenStore: Sendable {
    let database: Database

    /// The user in that scope, with all roles there; nil when the user, the scope's target or a domain of theirs is gone or
    /// disabled, or when one of the audit ids was revoked.
    func subject(_ user: UserID, in scope: TokenPayload.Scope, notRevoked auditIDs: [String]) async throws -> TokenSubject? {
        let (kind, target) = scope.columns
        let rows = try await database.query(
            """
            WITH RECURSIVE granted AS (
                SELECT role_id FROM keystone.assignments
                WHERE user_id = \(user) AND scope = \(kind) AND target_id = \(target)
              UNION
                SELECT i.implied_id FROM keystone.role_implications i JOIN granted g ON g.role_id = i.prior_id
            )
            SELECT u.id, u.name, u.tokens_not_before, ud.id AS domain_id, ud.name AS domain_name,
                   p.id AS project_id, p.name AS project_name, pd.id AS project_domain_id, pd.name AS project_domain_name,
                   td.id AS target_domain_id, td.name AS target_domain_name,
                   ARRAY(SELECT r.id FROM granted g JOIN keystone.roles r ON r.id = g.role_id ORDER BY r.name) AS role_ids,
                   ARRAY(SELECT r.name FROM granted g JOIN keystone.roles r ON r.id = g.role_id ORDER BY r.name) AS role_names
            FROM keystone.users u
            JOIN keystone.domains ud ON ud.id = u.domain_id AND ud.enabled
            LEFT JOIN keystone.projects p ON \(kind) = 'project' AND p.id = \(target) AND p.enabled
            LEFT JOIN keystone.domains pd ON pd.id = p.domain_id AND pd.enabled
            LEFT JOIN keystone.domains td ON \(kind) = 'domain' AND td.id = \(target) AND td.enabled
            WHERE u.id = \(user) AND u.enabled
              AND NOT EXISTS (SELECT FROM keystone.revocations WHERE audit_id = ANY (\(auditIDs)))
            """)
        guard let row = rows.first else { return nil }
        let found: TokenSubject.Scope
        switch scope {
        case .unscoped: found = .unscoped
        case .system: found = .system
        case .project:
            guard let id: ProjectID = try row.get("project_id"), let domain: DomainID = try row.get("project_domain_id") else {
                return nil
            }
            let home = NamedDomain(id: domain, name: try row.get("project_domain_name"))
            found = .project(NamedProject(id: id, name: try row.get("project_name"), domain: home))
        case .domain:
            guard let id: DomainID = try row.get("target_domain_id") else { return nil }
            found = .domain(NamedDomain(id: id, name: try row.get("target_domain_name")))
        }
        let ids: [String] = try row.get("role_ids")
        let names: [String] = try row.get("role_names")
        let userID: UserID = try row.get("id")
        let domainID: DomainID = try row.get("domain_id")
        let userDomain = NamedDomain(id: domainID, name: try row.get("domain_name"))
        return TokenSubject(
            userID: userID, userName: try row.get("name"), userDomain: userDomain, scope: found,
            roles: zip(ids, names).map { NamedRole(id: $0, name: $1) }, tokensNotBefore: try row.get("tokens_not_before"))
    }

    /// Makes the token void for the rest of its life, and forgets those that have died by themselves.
    func revoke(_ payload: TokenPayload, now: Timestamp) async throws {
        guard let auditID = payload.auditIDs.first else { return }
        _ = try await database.pipeline([
            """
            INSERT INTO keystone.revocations (audit_id, expires_at) VALUES (\(auditID), \(payload.expiresAt))
            ON CONFLICT (audit_id) DO NOTHING
            """,
            "DELETE FROM keystone.revocations WHERE expires_at < \(now)",
        ])
    }

    /// Who wants to log in, by id or by name and domain.
    func account(_ selector: AccountSelector) async throws -> Account? {
        let rows: Rows
        switch selector {
        case .id(let id):
            rows = try await database.query("SELECT id, password_hash, default_project_id FROM keystone.users WHERE id = \(id)")
        case .name(let name, let domain):
            rows = try await database.query(
                """
                SELECT u.id, u.password_hash, u.default_project_id FROM keystone.users u JOIN keystone.domains d ON d.id = u.domain_id
                WHERE u.name = \(name) AND ((\(domain.id) IS NOT NULL AND d.id = \(domain.id)) OR (\(domain.name) IS NOT NULL AND d.name = \(domain.name)))
                """)
        }
        return try rows.first.map { row in
            Account(
                id: try row.get("id"), passwordHash: try row.get("password_hash"),
                defaultProject: try row.get("default_project_id"))
        }
    }

    func project(_ selector: ProjectSelector) async throws -> ProjectID? {
        switch selector {
        case .id(let id): return id
        case .name(let name, let domain):
            let rows = try await database.query(
                """
                SELECT p.id FROM keystone.projects p JOIN keystone.domains d ON d.id = p.domain_id
                WHERE p.name = \(name) AND ((\(domain.id) IS NOT NULL AND d.id = \(domain.id)) OR (\(domain.name) IS NOT NULL AND d.name = \(domain.name)))
                """)
            return try rows.first?.get("id")
        }
    }

    func domain(_ selector: DomainSelector) async throws -> DomainID? {
        if let id = selector.id { return id }
        return try await database.query("SELECT id FROM keystone.domains WHERE name = \(selector.name)").first?.get("id")
    }
}

struct Account: Sendable {
    let id: UserID
    let passwordHash: String?
    let defaultProject: ProjectID?
}

extension TokenPayload.Scope {
    /// How `keystone.assignments` writes it. Unscoped matches no row.
    var columns: (kind: String, target: String) {
        switch self {
        case .unscoped: ("", "")
        case .project(let id): ("project", id.rawValue)
        case .domain(let id): ("domain", id.rawValue)
        case .system: ("system", "all")
        }
    }
}
