import CloudModel
import Database

/// A flavor as the API shows it: what servers are made of, and who may use it.
struct FlavorRecord: Sendable {
    let flavor: Flavor
    let rxtxFactor: Double
    let isPublic: Bool
    let disabled: Bool

    static let columns =
        "f.id, f.name, f.vcpus, f.ram, f.disk, f.ephemeral, f.swap, f.rxtx_factor, f.is_public, f.disabled, f.description, f.extra_specs"

    init(_ row: Row) throws {
        flavor = Flavor(
            id: try row.get("id"), name: try row.get("name"), vcpus: try row.get("vcpus"), ram: try row.get("ram"),
            disk: try row.get("disk"), ephemeral: try row.get("ephemeral"), swap: try row.get("swap"),
            extraSpecs: try row.json("extra_specs"), description: try row.get("description"))
        rxtxFactor = try row.get("rxtx_factor")
        isPublic = try row.get("is_public")
        disabled = try row.get("disabled")
    }

    init(flavor: Flavor, rxtxFactor: Double = 1, isPublic: Bool = true, disabled: Bool = false) {
        self.flavor = flavor
        self.rxtxFactor = rxtxFactor
        self.isPublic = isPublic
        self.disabled = disabled
    }
}

/// Which flavors a listing shows.
struct FlavorFilter: Sendable {
    /// Nil: whoever may see all of them.
    var visibleTo: ProjectID?
    /// Nil: both.
    var isPublic: Bool?
    var minDisk: Int?
    var minRAM: Int?
    var sortKey = "f.id"
    var ascending = true
    var limit = 1_000
    var marker: FlavorID?

    /// By Nova's names.
    static let sortKeys: [String: String] = [
        "flavorid": "f.id", "id": "f.id", "name": "f.name", "memory_mb": "f.ram", "vcpus": "f.vcpus", "root_gb": "f.disk",
        "ephemeral_gb": "f.ephemeral", "swap": "f.swap", "created_at": "f.created_at", "disabled": "f.disabled",
        "is_public": "f.is_public", "rxtx_factor": "f.rxtx_factor",
    ]
}

/// Flavors: global, the same in all cells, because the API cell alone keeps them and every server carries its own copy.
struct FlavorStore: Sendable {
    let database: Database

    /// The page and, when there is a next one, one more. Throws for a marker that isn't there.
    func list(_ filter: FlavorFilter) async throws -> [FlavorRecord] {
        var conditions: [SQL] = ["true"]
        if let project = filter.visibleTo { conditions.append(Self.visible(to: project)) }
        if let isPublic = filter.isPublic { conditions.append("f.is_public = \(isPublic)") }
        if let disk = filter.minDisk { conditions.append("f.disk >= \(disk)") }
        if let ram = filter.minRAM { conditions.append("f.ram >= \(ram)") }
        let key = filter.sortKey
        let markerKey = key.replacing("f.", with: "m.")
        let direction = filter.ascending ? ">" : "<"
        if let marker = filter.marker {
            guard try await flavor(marker, visibleTo: nil) != nil else {
                throw CloudError(.badRequest, "marker [\(marker)] not found")
            }
            conditions.append(
                """
                EXISTS (SELECT 1 FROM compute.flavors AS m WHERE m.id = \(marker) AND (\(unsafe: key) \(unsafe: direction) \(unsafe: markerKey)
                    OR (\(unsafe: key) = \(unsafe: markerKey) AND f.id > m.id)))
                """)
        }
        return try await database.query(
            """
            SELECT \(unsafe: FlavorRecord.columns) FROM compute.flavors AS f
            WHERE \(SQL.joined(conditions, by: " AND "))
            ORDER BY \(unsafe: key) \(unsafe: filter.ascending ? "ASC" : "DESC"), f.id
            LIMIT \(filter.limit + 1)
            """
        ).map(FlavorRecord.init)
    }

    /// One flavor by id; nil when there is none or the project may not see it.
    func flavor(_ id: FlavorID, visibleTo project: ProjectID?) async throws -> FlavorRecord? {
        let condition: SQL = if let project { " AND \(Self.visible(to: project))" } else { "" }
        return try await database.query(
            "SELECT \(unsafe: FlavorRecord.columns) FROM compute.flavors AS f WHERE f.id = \(id)\(condition)"
        ).first.map(FlavorRecord.init)
    }

    /// Throws `CloudError(.conflict)` when the name or the id is taken.
    func insert(_ record: FlavorRecord) async throws {
        let flavor = record.flavor
        do {
            try await database.query(
                """
                INSERT INTO compute.flavors (id, name, vcpus, ram, disk, ephemeral, swap, rxtx_factor, is_public, description, extra_specs)
                VALUES (\(flavor.id), \(flavor.name), \(flavor.vcpus), \(flavor.ram), \(flavor.disk), \(flavor.ephemeral), \(flavor.swap),
                    \(record.rxtxFactor), \(record.isPublic), \(flavor.description), \(json: flavor.extraSpecs))
                """)
        } catch let error as DatabaseError where error.sqlState == .uniqueViolation {
            let taken = error.constraint == "flavors_name_key" ? "name \(flavor.name)" : "ID \(flavor.id)"
            throw CloudError(.conflict, "Flavor with \(taken) already exists.", cause: error)
        }
    }

    /// Adds those whose name and id are both free.
    func insertMissing(_ flavors: [Flavor]) async throws {
        for flavor in flavors {
            try await database.query(
                """
                INSERT INTO compute.flavors (id, name, vcpus, ram, disk, ephemeral, swap, description, extra_specs)
                VALUES (\(flavor.id), \(flavor.name), \(flavor.vcpus), \(flavor.ram), \(flavor.disk), \(flavor.ephemeral), \(flavor.swap),
                    \(flavor.description), \(json: flavor.extraSpecs))
                ON CONFLICT DO NOTHING
                """)
        }
    }

    /// False when there is none. Servers made of it run on: they carry their own copy.
    func delete(_ id: FlavorID) async throws -> Bool {
        try await database.query("DELETE FROM compute.flavors WHERE id = \(id)").affected > 0
    }

    /// Adds and replaces extra specs; nil when there is no such flavor.
    func mergeExtraSpecs(_ specs: [String: String], into id: FlavorID) async throws -> [String: String]? {
        try await database.query(
            "UPDATE compute.flavors SET extra_specs = extra_specs || \(json: specs) WHERE id = \(id) RETURNING extra_specs"
        ).first?.json("extra_specs")
    }

    /// False when the flavor has no such spec.
    func removeExtraSpec(_ key: String, of id: FlavorID) async throws -> Bool {
        try await database.query(
            "UPDATE compute.flavors SET extra_specs = extra_specs - \(key) WHERE id = \(id) AND extra_specs ? \(key)"
        ).affected > 0
    }

    // MARK: Who may use a flavor that isn't public

    func access(of id: FlavorID) async throws -> [ProjectID] {
        try await database.query("SELECT project FROM compute.flavor_access WHERE flavor = \(id) ORDER BY project").map {
            try $0.get("project")
        }
    }

    /// False when the project has it already.
    func grant(_ id: FlavorID, to project: ProjectID) async throws -> Bool {
        try await database.query(
            "INSERT INTO compute.flavor_access (flavor, project) VALUES (\(id), \(project)) ON CONFLICT DO NOTHING"
        ).affected > 0
    }

    /// False when the project didn't have it.
    func revoke(_ id: FlavorID, from project: ProjectID) async throws -> Bool {
        try await database.query("DELETE FROM compute.flavor_access WHERE flavor = \(id) AND project = \(project)").affected > 0
    }

    private static func visible(to project: ProjectID) -> SQL {
        """
        (f.is_public OR EXISTS (SELECT 1 FROM compute.flavor_access AS a WHERE a.flavor = f.id AND a.project = \(project)))
        """
    }
}
