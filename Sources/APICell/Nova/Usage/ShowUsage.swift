import APIConventions
import CloudModel

/// `os-simple-tenant-usage`: what projects' servers used between two moments, and until now at the latest.
struct ShowUsage: Sendable {
    let store: UsageStore

    /// What is counted when nobody says since when: four weeks, as the OpenStack client asks.
    private static let defaultPeriod = Duration.seconds(28 * 24 * 3_600)

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let period = try Self.period(request)
        let detailed = request.query.flag("detailed")
        let projects = try await store.projects(period)
        var servers: [ProjectID: [ServerUsage]] = [:]
        if detailed { for usage in projects { servers[usage.project] = try await store.servers(period, of: usage.project) } }
        var json = JSONWriter()
        json.object {
            $0.array("tenant_usages") {
                for usage in projects { $0.object { Self.write(usage, servers[usage.project], period, request, to: &$0) } }
            }
        }
        return json.bytes
    }

    /// An empty object when the project used nothing, as in Nova.
    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let project = ProjectID(try request.parameter("project"))
        guard request.caller.isAdmin || project == request.project else {
            throw CloudError(.forbidden, "Policy doesn't allow os_compute_api:os-simple-tenant-usage:show of another project.")
        }
        let period = try Self.period(request)
        let usage = try await store.projects(period, only: project).first
        let servers = try await store.servers(period, of: project)
        var json = JSONWriter(capacity: servers.count * 400 + 400)
        json.object {
            $0.object("tenant_usage") {
                if let usage { Self.write(usage, servers, period, request, to: &$0) }
            }
        }
        return json.bytes
    }

    private static func period(_ request: NovaRequest) throws(CloudError) -> UsagePeriod {
        func time(_ name: String) throws(CloudError) -> Timestamp? {
            guard let text = request.query[name] else { return nil }
            guard let time = Timestamp(iso8601: text) else {
                throw CloudError(.badRequest, "Datetime is in invalid format: \(text)")
            }
            return time
        }
        let stop = try time("end") ?? request.received
        let start = try time("start") ?? stop - defaultPeriod
        guard start < stop else {
            throw CloudError(.badRequest, "Invalid start time. The start time cannot occur after the end time.")
        }
        return UsagePeriod(start: start, stop: max(start, min(stop, request.received)))
    }

    private static func write(
        _ usage: ProjectUsage, _ servers: [ServerUsage]?, _ period: UsagePeriod, _ request: NovaRequest,
        to json: inout JSONWriter
    ) {
        json.field("tenant_id", usage.project.rawValue)
        json.field("start", period.start.withoutZone)
        json.field("stop", period.stop.withoutZone)
        json.field("total_hours", usage.hours)
        json.field("total_vcpus_usage", usage.vcpuHours)
        json.field("total_memory_mb_usage", usage.ramHours)
        json.field("total_local_gb_usage", usage.diskHours)
        guard let servers else { return }
        json.array("server_usages") {
            for server in servers { $0.object { write(server, of: usage.project, request, to: &$0) } }
        }
    }

    private static func write(_ server: ServerUsage, of project: ProjectID, _ request: NovaRequest, to json: inout JSONWriter) {
        json.field("instance_id", server.id)
        json.field("name", server.name)
        json.field("tenant_id", project.rawValue)
        json.field("flavor", server.flavor)
        json.field("vcpus", server.vcpus)
        json.field("memory_mb", server.ram)
        json.field("local_gb", server.disk)
        json.field("hours", server.hours)
        json.field("started_at", server.launched.withoutZone)
        json.field("ended_at", server.terminated?.withoutZone)
        json.field("state", server.terminated == nil ? server.state.rawValue : "terminated")
        json.field("uptime", Int(((server.terminated ?? request.received) - server.launched).components.seconds))
    }
}
