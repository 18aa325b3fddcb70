import CloudModel
import Database

/// A stretch of time about which somebody asks what was used.
struct UsagePeriod: Sendable {
    let start: Timestamp
    let stop: Timestamp
}

/// What a project's servers used of a period, summed.
struct ProjectUsage: Sendable {
    let project: ProjectID
    let hours: Double
    let vcpuHours: Double
    /// MiB hours.
    let ramHours: Double
    /// GiB hours.
    let diskHours: Double
}

/// One server's part of it.
struct ServerUsage: Sendable {
    let id: ServerID
    let name: String
    let flavor: String
    let vcpus: Int
    let ram: Int
    let disk: Int
    let state: VMState
    let launched: Timestamp
    let terminated: Timestamp?
    let hours: Double
}

/// Reads usage from the servers' rows, those of deleted servers too, as far back as these are kept.
struct UsageStore: Sendable {
    let database: Database

    /// Servers one answer lists: the newest. The sums count all.
    static let largestDetail = 1_000

    /// Sums of the projects that used anything, or of one.
    func projects(_ period: UsagePeriod, only project: ProjectID? = nil) async throws -> [ProjectUsage] {
        try await database.query(
            """
            SELECT project, sum(hours) AS hours, sum(hours * vcpus) AS vcpu_hours, sum(hours * ram) AS ram_hours,
                sum(hours * disk) AS disk_hours
            FROM (\(Self.servers(period, of: project))) AS used GROUP BY project ORDER BY project
            """
        ).map {
            ProjectUsage(
                project: try $0.get("project"), hours: try $0.get("hours"), vcpuHours: try $0.get("vcpu_hours"),
                ramHours: try $0.get("ram_hours"), diskHours: try $0.get("disk_hours"))
        }
    }

    func servers(_ period: UsagePeriod, of project: ProjectID) async throws -> [ServerUsage] {
        try await database.query(
            "SELECT * FROM (\(Self.servers(period, of: project))) AS used ORDER BY launched_at DESC, id LIMIT \(Self.largestDetail)"
        ).map {
            ServerUsage(
                id: try $0.get("id"), name: try $0.get("name"), flavor: try $0.get("flavor"), vcpus: try $0.get("vcpus"),
                ram: try $0.get("ram"), disk: try $0.get("disk"), state: try $0.get("vm_state"),
                launched: try $0.get("launched_at"),
                terminated: try $0.get("ended_at"), hours: try $0.get("hours"))
        }
    }

    /// The servers that ran in the period, with the hours of it they ran.
    private static func servers(_ period: UsagePeriod, of project: ProjectID?) -> SQL {
        let condition: SQL = if let project { " AND project = \(project)" } else { "" }
        return """
            SELECT id, project, name, spec->'flavor'->>'name' AS flavor, vcpus, ram, vm_state, launched_at,
                coalesce((spec->'flavor'->>'disk')::int, 0) + coalesce((spec->'flavor'->>'ephemeral')::int, 0) AS disk,
                coalesce(terminated_at, deleted_at) AS ended_at,
                (extract(epoch FROM least(coalesce(terminated_at, deleted_at), \(period.stop)::timestamptz)
                    - greatest(launched_at, \(period.start)::timestamptz)) / 3600)::float8 AS hours
            FROM compute.servers
            WHERE launched_at < \(period.stop)::timestamptz\(condition)
                AND (coalesce(terminated_at, deleted_at) IS NULL OR coalesce(terminated_at, deleted_at) > \(period.start)::timestamptz)
            """
    }
}
