import CloudModel
package import Database

/// Puts a region into the catalog, with its endpoints on all three interfaces. Safe to repeat: it adds what is missing, and moves an address
/// that changed, keeping the endpoint's id.
///
/// Every region but the federation's own is below that one, and shares its addresses of identity and images, which it gives none for.
package struct AddRegion: Sendable {
    package let name: String
    package let description: String
    /// Where its services answer, by service type.
    package let urls: [String: String]

    package init(_ name: String, description: String = "", urls: [String: String]) {
        self.name = name
        self.description = description
        self.urls = urls
    }

    /// The region that stands above all others in the catalog: no child region can have its name.
    package static let federation = Catalog.federation

    /// Names of services by their types, as in OpenStack's service-types authority.
    private static let serviceNames = ["identity": "keystone", "image": "glance", "compute": "nova"]

    /// Returns a line for everything it made or changed.
    @discardableResult
    package func callAsFunction(in database: Database) async throws -> [String] {
        try await database.transaction { transaction in
            // Two that add the same region would both find that an endpoint is missing.
            try await transaction.query("LOCK TABLE keystone.endpoints IN SHARE ROW EXCLUSIVE MODE")
            let parent = name == Catalog.federation ? nil : Catalog.federation
            var made: [String] = []
            let isNew =
                try await transaction.query(
                    """
                    INSERT INTO keystone.regions (id, description, parent_region_id) VALUES (\(name), \(description), \(parent))
                    ON CONFLICT DO NOTHING
                    """
                ).affected > 0
            if isNew { made.append("region \(name)") }
            let shared = parent == nil ? [:] : try await addressesOfAll(transaction)
            for (type, url) in shared.merging(urls, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
                let service = try await service(type, &made, transaction)
                for interface in ["public", "internal", "admin"] {
                    made += try await endpoint(service, type, interface, url, transaction)
                }
            }
            return made
        }
    }

    /// Where identity and images answer, by service type.
    private func addressesOfAll(_ transaction: Transaction) async throws -> [String: String] {
        let rows = try await transaction.query(
            """
            SELECT s.type, min(e.url) AS url FROM keystone.endpoints e JOIN keystone.services s ON s.id = e.service_id
            WHERE e.region_id = \(Catalog.federation) AND e.interface = 'public' AND s.type IN ('identity', 'image')
            GROUP BY s.type
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.get("type"), try $0.get("url")) })
    }

    private func service(_ type: String, _ made: inout [String], _ transaction: Transaction) async throws -> String {
        if let row = try await transaction.query(
            "SELECT id FROM keystone.services WHERE type = \(type) ORDER BY id LIMIT 1"
        ).first {
            return try row.get("id")
        }
        let id = Identity.newID()
        try await transaction.query(
            "INSERT INTO keystone.services (id, type, name) VALUES (\(id), \(type), \(Self.serviceNames[type] ?? type))")
        made.append("service \(type)")
        return id
    }

    private func endpoint(
        _ service: String, _ type: String, _ interface: String, _ url: String, _ transaction: Transaction
    ) async throws -> [String] {
        let known = try await transaction.query(
            """
            SELECT id, url FROM keystone.endpoints WHERE service_id = \(service) AND region_id = \(name) AND interface = \(interface)
            ORDER BY id LIMIT 1
            """)
        guard let row = known.first else {
            try await transaction.query(
                """
                INSERT INTO keystone.endpoints (id, service_id, region_id, interface, url)
                VALUES (\(Identity.newID()), \(service), \(name), \(interface), \(url))
                """)
            return ["\(interface) endpoint of \(type) in \(name)"]
        }
        let (id, old): (String, String) = (try row.get("id"), try row.get("url"))
        guard old != url else { return [] }
        try await transaction.query("UPDATE keystone.endpoints SET url = \(url) WHERE id = \(id)")
        return ["address of \(type) in \(name)"]
    }
}
