import CloudModel
import Database

struct RegionRow: Sendable, Equatable {
    var id: String
    var description: String
    var parent: String?
}

struct ServiceRow: Sendable, Equatable {
    var id: String
    var type: String
    var name: String
    var description: String
    var enabled: Bool
}

struct EndpointRow: Sendable, Equatable {
    var id: String
    var service: String
    var region: String?
    var interface: String
    var url: String
    var enabled: Bool
}

/// Regions, services and endpoints.
struct CatalogStore: Sendable {
    let database: Database

    /// What tokens carry: enabled services, the federation's endpoints first, then those of at most 32 child regions by name.
    func catalog() async throws -> Catalog {
        let rows = try await database.query(
            """
            WITH shown AS (
                SELECT id, 0 AS rank FROM keystone.regions WHERE id = \(Catalog.federation)
              UNION ALL
                (SELECT id, 1 FROM keystone.regions WHERE id <> \(Catalog.federation) ORDER BY id LIMIT \(Catalog.childRegionLimit))
            )
            SELECT s.id, s.type, s.name, e.id AS endpoint_id, e.interface, e.region_id, e.url
            FROM keystone.services s
            LEFT JOIN (keystone.endpoints e JOIN shown ON shown.id = e.region_id) ON e.service_id = s.id AND e.enabled
            WHERE s.enabled
            ORDER BY s.type, s.id, shown.rank, e.region_id,
                     CASE e.interface WHEN 'public' THEN 0 WHEN 'internal' THEN 1 ELSE 2 END, e.id
            """)
        var entries: [Catalog.Entry] = []
        var endpoints: [Catalog.Endpoint] = []
        for (index, row) in rows.enumerated() {
            let id: String = try row.get("id")
            if let endpoint: String = try row.get("endpoint_id") {
                endpoints.append(
                    Catalog.Endpoint(
                        id: endpoint, interface: try row.get("interface"), region: try row.get("region_id"),
                        url: try row.get("url")))
            }
            let isLast = try index + 1 == rows.count || rows[index + 1].get("id") != id
            if isLast {
                entries.append(
                    Catalog.Entry(id: id, type: try row.get("type"), name: try row.get("name"), endpoints: endpoints))
                endpoints = []
            }
        }
        return Catalog(entries)
    }

    // MARK: Regions

    func regions(parent: String?) async throws -> [RegionRow] {
        try await database.query(
            """
            SELECT id, description, parent_region_id FROM keystone.regions
            WHERE \(parent) IS NULL OR parent_region_id = \(parent) ORDER BY id <> \(Catalog.federation), id
            """
        ).map(Self.region)
    }

    func region(_ id: String) async throws -> RegionRow? {
        try await database.query("SELECT id, description, parent_region_id FROM keystone.regions WHERE id = \(id)").first.map(
            Self.region)
    }

    func insert(_ region: RegionRow) async throws {
        try await database.query(
            "INSERT INTO keystone.regions (id, description, parent_region_id) VALUES (\(region.id), \(region.description), \(region.parent))"
        )
    }

    func update(_ region: RegionRow) async throws {
        try await database.query(
            "UPDATE keystone.regions SET description = \(region.description), parent_region_id = \(region.parent) WHERE id = \(region.id)"
        )
    }

    func deleteRegion(_ id: String) async throws -> Bool {
        try await database.query("DELETE FROM keystone.regions WHERE id = \(id)").affected > 0
    }

    // MARK: Services

    func services(type: String?, name: String?) async throws -> [ServiceRow] {
        try await database.query(
            """
            SELECT id, type, name, description, enabled FROM keystone.services
            WHERE (\(type) IS NULL OR type = \(type)) AND (\(name) IS NULL OR name = \(name)) ORDER BY type, id
            """
        ).map(Self.service)
    }

    func service(_ id: String) async throws -> ServiceRow? {
        try await database.query("SELECT id, type, name, description, enabled FROM keystone.services WHERE id = \(id)").first
            .map(Self.service)
    }

    func insert(_ service: ServiceRow) async throws {
        try await database.query(
            """
            INSERT INTO keystone.services (id, type, name, description, enabled)
            VALUES (\(service.id), \(service.type), \(service.name), \(service.description), \(service.enabled))
            """)
    }

    func update(_ service: ServiceRow) async throws {
        try await database.query(
            """
            UPDATE keystone.services SET type = \(service.type), name = \(service.name), description = \(service.description),
                   enabled = \(service.enabled) WHERE id = \(service.id)
            """)
    }

    func deleteService(_ id: String) async throws -> Bool {
        try await database.query("DELETE FROM keystone.services WHERE id = \(id)").affected > 0
    }

    // MARK: Endpoints

    func endpoints(service: String?, region: String?, interface: String?) async throws -> [EndpointRow] {
        try await database.query(
            """
            SELECT id, service_id, region_id, interface, url, enabled FROM keystone.endpoints
            WHERE (\(service) IS NULL OR service_id = \(service)) AND (\(region) IS NULL OR region_id = \(region))
              AND (\(interface) IS NULL OR interface = \(interface))
            ORDER BY region_id, service_id, interface, id
            """
        ).map(Self.endpoint)
    }

    func endpoint(_ id: String) async throws -> EndpointRow? {
        try await database.query(
            "SELECT id, service_id, region_id, interface, url, enabled FROM keystone.endpoints WHERE id = \(id)"
        ).first.map(Self.endpoint)
    }

    func insert(_ endpoint: EndpointRow) async throws {
        try await database.query(
            """
            INSERT INTO keystone.endpoints (id, service_id, region_id, interface, url, enabled)
            VALUES (\(endpoint.id), \(endpoint.service), \(endpoint.region), \(endpoint.interface), \(endpoint.url), \(endpoint.enabled))
            """)
    }

    func update(_ endpoint: EndpointRow) async throws {
        try await database.query(
            """
            UPDATE keystone.endpoints SET service_id = \(endpoint.service), region_id = \(endpoint.region),
                   interface = \(endpoint.interface), url = \(endpoint.url), enabled = \(endpoint.enabled) WHERE id = \(endpoint.id)
            """)
    }

    func deleteEndpoint(_ id: String) async throws -> Bool {
        try await database.query("DELETE FROM keystone.endpoints WHERE id = \(id)").affected > 0
    }

    // MARK: Rows

    private static func region(_ row: Row) throws -> RegionRow {
        RegionRow(id: try row.get("id"), description: try row.get("description"), parent: try row.get("parent_region_id"))
    }

    private static func service(_ row: Row) throws -> ServiceRow {
        ServiceRow(
            id: try row.get("id"), type: try row.get("type"), name: try row.get("name"),
            description: try row.get("description"),
            enabled: try row.get("enabled"))
    }

    private static func endpoint(_ row: Row) throws -> EndpointRow {
        EndpointRow(
            id: try row.get("id"), service: try row.get("service_id"), region: try row.get("region_id"),
            interface: try row.get("interface"), url: try row.get("url"), enabled: try row.get("enabled"))
    }
}
