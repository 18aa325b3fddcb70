import CloudModel
package import Database
import Observability
package import Tokens

/// Fills a new federation's identity with what nobody could log in without: the domain Default, the roles, the project and user
/// admin, the services and regions. Safe to repeat: it adds what is missing, moves addresses that changed, and touches nothing else.
///
/// For `meridian-manage bootstrap`, which has no token keys; an API process uses ``KeystoneService``.
package struct KeystoneBootstrap: Sendable {
    private let database: Database
    private let hasher: PasswordHasher

    package init(database: Database, hasher: PasswordHasher) {
        self.database = database
        self.hasher = hasher
    }

    /// Returns a line for everything it made or changed.
    @discardableResult
    package func run(adminPassword: String, publicURLs: [String: String], regions: [AddRegion] = []) async throws -> [String] {
        var made: [String] = []
        if try await insert(
            "INSERT INTO keystone.domains (id, name, description) VALUES ('default', 'Default', 'The default domain') ON CONFLICT DO NOTHING"
        ) {
            made.append("domain Default")
        }
        made += try await roles()
        made += try await user("admin", password: adminPassword, project: "admin", roles: ["admin"], alsoSystem: true)
        let federation = AddRegion(Catalog.federation, description: "All regions of the federation", urls: publicURLs)
        made += try await federation(in: database)
        for region in regions { made += try await region(in: database) }
        return made
    }

    /// A user of the default domain with roles in one project, which becomes its default. The password is set if it differs.
    @discardableResult
    package func user(
        _ name: String, password: String, project: String, roles: [String], alsoSystem: Bool = false
    ) async throws -> [String] {
        var made: [String] = []
        let newProject = Identity.newID()
        if try await insert(
            """
            INSERT INTO keystone.projects (id, name, domain_id, description) VALUES (\(newProject), \(project), 'default', '')
            ON CONFLICT DO NOTHING
            """)
        {
            made.append("project \(project)")
        }
        let projectID: String = try await one(
            "SELECT id FROM keystone.projects WHERE domain_id = 'default' AND name = \(project)"
        ).get("id")
        let newUser = Identity.newID()
        if try await insert(
            """
            INSERT INTO keystone.users (id, name, domain_id, default_project_id) VALUES (\(newUser), \(name), 'default', \(projectID))
            ON CONFLICT DO NOTHING
            """)
        {
            made.append("user \(name)")
        }
        let row = try await one("SELECT id, password_hash FROM keystone.users WHERE domain_id = 'default' AND name = \(name)")
        let userID: UserID = try row.get("id")
        if try await !hasher.matches(password, stored: try row.get("password_hash")) {
            try await UserStore(database: database).setPassword(of: userID, hash: try await hasher.hash(password), now: .now())
            made.append("password of \(name)")
        }
        for role in roles {
            var places = [("project", projectID)]
            if alsoSystem { places.append(("system", "all")) }
            for (scope, target) in places {
                let isNew = try await insert(
                    """
                    INSERT INTO keystone.assignments (user_id, scope, target_id, role_id)
                    SELECT \(userID), \(scope), \(target), id FROM keystone.roles WHERE name = \(role) ON CONFLICT DO NOTHING
                    """)
                if isNew { made.append("role \(role) of \(name) in \(scope) \(scope == "project" ? project : target)") }
            }
        }
        return made
    }

    private func roles() async throws -> [String] {
        var made: [String] = []
        let names = ["admin", "manager", "member", "reader", "service"]
        for name in names {
            let id = Identity.newID()
            if try await insert("INSERT INTO keystone.roles (id, name) VALUES (\(id), \(name)) ON CONFLICT DO NOTHING") {
                made.append("role \(name)")
            }
        }
        for (prior, implied) in zip(names.prefix(3), names.dropFirst()) {
            _ = try await insert(
                """
                INSERT INTO keystone.role_implications (prior_id, implied_id)
                SELECT p.id, i.id FROM keystone.roles p, keystone.roles i WHERE p.name = \(prior) AND i.name = \(implied)
                ON CONFLICT DO NOTHING
                """)
        }
        return made
    }

    private func insert(_ sql: SQL) async throws -> Bool { try await database.query(sql).affected > 0 }

    private func one(_ sql: SQL) async throws -> Row {
        guard let row = try await database.query(sql).first else {
            throw CloudError(.internalError, "A row that bootstrap has just made is gone. Run it again.")
        }
        return row
    }
}
