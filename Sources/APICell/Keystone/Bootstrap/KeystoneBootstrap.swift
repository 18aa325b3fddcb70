import CloudModel
package import Database
import Observability
package import Tokens

/// Fills a new federation's identity with what nobody could log in without: the domain Default, the roles, the project and user
/// admin, the services and regions. Safe to repeat: it adds what is missing, moves addresses that changed, and touches nothing else.
///
/// For `meridian-manage bootstrap`, which has no token keys; an API process uses ``KeystoneService``.
package struct KeystoneBootstrap: Sendable {
    /// A child region and where its services answer, by service type.
    package struct Region: Sendable {
        package var name: String
        package var description: String
        package var urls: [String: String]
        package init(name: String, description: String = "", urls: [String: String]) {
            self.name = name
            self.description = description
            self.urls = urls
        }
    }

    private let database: Database
    private let hasher: PasswordHasher

    package init(database: Database, hasher: PasswordHasher) {
        self.database = database
        self.hasher = hasher
    }

    /// Names of services by their types, as in OpenStack's service-types authority.
    private static let serviceNames = ["identity": "keystone", "image": "glance", "compute": "nova"]

    /// Returns a line for everything it made or changed.
    @discardableResult
    package func run(adminPassword: String, publicURLs: [String: String], regions: [Region] = []) async throws -> [String] {
        var made: [String] = []
        if try await insert(
            "INSERT INTO keystone.domains (id, name, description) VALUES ('default', 'Default', 'The default domain') ON CONFLICT DO NOTHING"
        ) {
            made.append("domain Default")
        }
        made += try await roles()
        made += try await user("admin", password: adminPassword, project: "admin", roles: ["admin"], alsoSystem: true)
        made += try await region(
            Region(name: Catalog.federation, description: "All regions of the federation", urls: publicURLs), parent: nil)
        for one in regions { made += try await childRegion(one) }
        return made
    }

    /// A region below the federation's. Identity and images have one address in all regions; its own compute is scoped to it.
    func childRegion(_ child: Region) async throws -> [String] {
        let shared = try await database.query(
            """
            SELECT s.type, min(e.url) AS url FROM keystone.endpoints e JOIN keystone.services s ON s.id = e.service_id
            WHERE e.region_id = \(Catalog.federation) AND e.interface = 'public' AND s.type IN ('identity', 'image')
            GROUP BY s.type
            """)
        var whole = child
        for row in shared {
            let type: String = try row.get("type")
            if whole.urls[type] == nil { whole.urls[type] = try row.get("url") }
        }
        return try await region(whole, parent: Catalog.federation)
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

    /// The region and its endpoints on all three interfaces. An address that changed is moved, keeping the endpoint's id.
    func region(_ region: Region, parent: String?) async throws -> [String] {
        var made: [String] = []
        if try await insert(
            """
            INSERT INTO keystone.regions (id, description, parent_region_id) VALUES (\(region.name), \(region.description), \(parent))
            ON CONFLICT DO NOTHING
            """)
        {
            made.append("region \(region.name)")
        }
        for (type, url) in region.urls.sorted(by: { $0.key < $1.key }) {
            let service = try await service(type, &made)
            for interface in ["public", "internal", "admin"] {
                made += try await endpoint(service, type, region.name, interface, url)
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

    private func service(_ type: String, _ made: inout [String]) async throws -> String {
        let id = Identity.newID()
        let name = Self.serviceNames[type] ?? type
        if try await insert(
            """
            INSERT INTO keystone.services (id, type, name) SELECT \(id), \(type), \(name)
            WHERE NOT EXISTS (SELECT FROM keystone.services WHERE type = \(type))
            """)
        {
            made.append("service \(type)")
        }
        return try await one("SELECT id FROM keystone.services WHERE type = \(type) ORDER BY id LIMIT 1").get("id")
    }

    private func endpoint(_ service: String, _ type: String, _ region: String, _ interface: String, _ url: String) async throws
        -> [String]
    {
        let known = try await database.query(
            """
            SELECT id, url FROM keystone.endpoints WHERE service_id = \(service) AND region_id = \(region) AND interface = \(interface)
            ORDER BY id LIMIT 1
            """)
        guard let row = known.first else {
            let endpoint = EndpointRow(
                id: Identity.newID(), service: service, region: region, interface: interface, url: url, enabled: true)
            try await CatalogStore(database: database).insert(endpoint)
            return ["\(interface) endpoint of \(type) in \(region)"]
        }
        let (id, old): (String, String) = (try row.get("id"), try row.get("url"))
        guard old != url else { return [] }
        try await database.query("UPDATE keystone.endpoints SET url = \(url) WHERE id = \(id)")
        return ["address of \(type) in \(region)"]
    }

    private func insert(_ sql: SQL) async throws -> Bool { try await database.query(sql).affected > 0 }

    private func one(_ sql: SQL) async throws -> Row {
        guard let row = try await database.query(sql).first else {
            throw CloudError(.internalError, "A row that bootstrap has just made is gone. Run it again.")
        }
        return row
    }
}
