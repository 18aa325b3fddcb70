import CloudModel
import Database

/// Limits an administrator set. What has no row for the project has the default class's, and then the program's default.
struct QuotaStore: Sendable {
    let database: Database
    let defaults: QuotaLimits

    /// The default class's rows are kept under this name.
    static let defaultClass = ProjectID("")

    func limits(of project: ProjectID) async throws -> QuotaLimits {
        let limits = try Self.readLimits(try await database.query(Self.limits(of: [project])), defaults: defaults)
        return limits[project] ?? limits[Self.defaultClass] ?? defaults
    }

    /// The default class: what a project without limits of its own has.
    func classDefaults() async throws -> QuotaLimits {
        try Self.readLimits(try await database.query(Self.limits(of: [])), defaults: defaults)[Self.defaultClass] ?? defaults
    }

    func set(_ limits: [QuotaResource: Int], of project: ProjectID) async throws {
        try await database.query(
            """
            INSERT INTO compute.quota_limits (project, resource, hard_limit)
            SELECT \(project), resource, hard_limit
            FROM unnest(\(limits.keys.map(\.rawValue))::text[], \(Array(limits.values))::bigint[]) AS new (resource, hard_limit)
            ON CONFLICT (project, resource) DO UPDATE SET hard_limit = EXCLUDED.hard_limit
            """)
    }

    /// Back to the defaults.
    func clear(_ project: ProjectID) async throws {
        try await database.query("DELETE FROM compute.quota_limits WHERE project = \(project)")
    }

    func usage(of project: ProjectID) async throws -> QuotaUsage {
        try CreateStore.readUsage(try await database.query(CreateStore.usage(of: [project])))[project] ?? QuotaUsage()
    }

    func counts(of project: ProjectID, user: UserID) async throws -> (keyPairs: Int, serverGroups: Int) {
        let rows = try await database.query(
            """
            SELECT (SELECT count(*) FROM compute.keypairs WHERE user_id = \(user)) AS keys,
                (SELECT count(*) FROM compute.server_groups WHERE project = \(project)) AS groups
            """)
        guard let row = rows.first else { return (0, 0) }
        return (try row.get("keys"), try row.get("groups"))
    }

    // MARK: Shared with CreateStore, which reads them in its own transaction

    static func limits(of projects: [ProjectID]) -> SQL {
        """
        SELECT project, resource, hard_limit FROM compute.quota_limits
        WHERE project = ANY(\(projects.map(\.rawValue) + [""])::text[])
        """
    }

    /// Limits for each project that has any, and for the default class.
    static func readLimits(_ rows: Rows, defaults: QuotaLimits) throws -> [ProjectID: QuotaLimits] {
        var set: [ProjectID: [QuotaResource: Int]] = [:]
        for row in rows {
            let name: String = try row.get("resource")
            guard let resource = QuotaResource(rawValue: name) else { continue }
            set[try row.get("project"), default: [:]][resource] = try row.get("hard_limit")
        }
        var base = defaults
        for (resource, limit) in set[defaultClass] ?? [:] { base[resource] = limit }
        var limits: [ProjectID: QuotaLimits] = [defaultClass: base]
        for (project, own) in set where project != defaultClass {
            var limit = base
            for (resource, value) in own { limit[resource] = value }
            limits[project] = limit
        }
        return limits
    }
}
