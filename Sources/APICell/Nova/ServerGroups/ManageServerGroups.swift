import APIConventions
import CellProtocol
import CloudModel

/// `/os-server-groups`: where members may stand relative to each other.
struct ManageServerGroups: Sendable {
    let store: ServerGroupStore
    let quotas: QuotaStore

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let paging = try Paging(request.query)
        let all = request.query.has("all_projects") && request.allows("os_compute_api:os-server-groups:index:all_projects")
        let offset = max(0, Int(request.query["offset"] ?? "") ?? 0)
        let groups = try await store.list(of: all ? nil : request.project, limit: paging.limit, offset: offset)
        var json = JSONWriter(capacity: groups.count * 320 + 32)
        json.object {
            $0.array("server_groups") { for group in groups { $0.object { Self.write(group, request, to: &$0) } } }
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] { Self.document(try await find(request), request) }

    func create(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, in: "server_group")
        try fields.allow(only: ["name", "policies"])
        let name = try ServerFields.name(fields)
        let policies = try fields.optionalArray("policies") ?? []
        guard policies.count == 1, let text = policies[0].string, let policy = GroupConstraint.Policy(rawValue: text),
            request.version.minor >= 15 || policy == .affinity || policy == .antiAffinity
        else {
            let allowed = "affinity, anti-affinity" + (request.version.minor >= 15 ? ", soft-affinity, soft-anti-affinity" : "")
            throw JSONFields.invalid("policies", .array(policies), "It must hold exactly one of \(allowed)")
        }
        guard !request.project.rawValue.isEmpty else {
            throw CloudError(.forbidden, "A server group belongs to a project. Ask for a token that is scoped to one.")
        }
        let limit = try await quotas.limits(of: request.project).serverGroups
        guard
            let id = try await store.insert(
                name: name, policy: policy, maxServersPerHost: 1, project: request.project, user: request.user, limit: limit),
            let group = try await store.group(id, of: request.project)
        else { throw CloudError(.overQuota, "Quota exceeded, too many server groups.") }
        return Self.document(group, request)
    }

    func delete(_ request: NovaRequest) async throws {
        let group = try await find(request)
        guard try await store.delete(group.id) else { throw Self.notFound(group.id.description) }
    }

    private func find(_ request: NovaRequest) async throws -> ServerGroupRecord {
        let text = try request.parameter("group")
        guard let id = ServerGroupID(text),
            let group = try await store.group(id, of: request.caller.isAdmin ? nil : request.project)
        else { throw Self.notFound(text) }
        return group
    }

    private static func notFound(_ id: String) -> CloudError {
        CloudError(.notFound, "Instance group \(id) could not be found.")
    }

    private static func document(_ group: ServerGroupRecord, _ request: NovaRequest) -> [UInt8] {
        var json = JSONWriter()
        json.object { $0.object("server_group") { write(group, request, to: &$0) } }
        return json.bytes
    }

    private static func write(_ group: ServerGroupRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        json.field("id", group.id)
        json.field("name", group.name)
        json.field("policies", [group.policy.rawValue])
        json.field("members", group.members.map(\.description))
        json.object("metadata") { _ in }
        if request.version.minor >= 13 {
            json.field("project_id", group.project.rawValue)
            json.field("user_id", group.user.rawValue)
        }
    }
}
