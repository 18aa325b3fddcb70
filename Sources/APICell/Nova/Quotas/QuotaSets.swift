import APIConventions
import CloudModel

/// `os-quota-sets` and `limits`. What belongs to networks is shown as unlimited where the version still shows it: there is nothing
/// of it here to use up.
struct QuotaSets: Sendable {
    let store: QuotaStore

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let project = try project(request)
        return Self.write(try await store.limits(of: project), id: project.rawValue, request)
    }

    func defaults(_ request: NovaRequest) async throws -> [UInt8] {
        Self.write(try await store.classDefaults(), id: try project(request).rawValue, request)
    }

    func detail(_ request: NovaRequest) async throws -> [UInt8] {
        let project = try project(request)
        let limits = try await store.limits(of: project)
        let usage = try await store.usage(of: project)
        let counts = try await store.counts(of: project, user: request.user)
        var json = JSONWriter(capacity: 1_400)
        json.object {
            $0.object("quota_set") {
                $0.field("id", project.rawValue)
                for member in Self.members(limits, request) {
                    let used =
                        switch member.resource {
                        case .instances, .cores, .ram: member.resource.map { usage[$0] } ?? 0
                        case .serverGroups: counts.serverGroups
                        case .keyPairs, .metadataItems, .serverGroupMembers, nil: 0
                        }
                    $0.object(named: member.name) {
                        $0.field("limit", member.limit)
                        $0.field("in_use", used)
                        $0.field("reserved", 0)
                    }
                }
            }
        }
        return json.bytes
    }

    func update(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let project = try project(request)
        let fields = try JSONFields(body, in: "quota_set")
        guard !request.query.has("user_id"), !fields.has("user_id") else { throw Self.noUserQuotas }
        let force = try fields.optionalBool("force") ?? false
        let changes = try Self.changes(fields, besides: ["force", "tenant_id"], networks: request.version.minor < 36)
        if !force {
            let usage = try await store.usage(of: project)
            for (resource, limit) in changes where limit >= 0 && limit < usage[resource] {
                throw CloudError(
                    .badRequest,
                    "Quota limit \(limit) for \(resource.rawValue) must be greater than or equal to already used and reserved \(usage[resource])."
                )
            }
        }
        if !changes.isEmpty { try await store.set(changes, of: project) }
        return Self.write(try await store.limits(of: project), id: nil, request)
    }

    func delete(_ request: NovaRequest) async throws {
        let project = try project(request)
        guard !request.query.has("user_id") else { throw Self.noUserQuotas }
        try await store.clear(project)
    }

    private static var noUserQuotas: CloudError {
        CloudError(.notImplemented, "Quotas of single users are not served by this cloud: leave user_id out for the project's.")
    }

    /// `os-quota-class-sets/default`: what projects have that nobody gave limits of their own. There is no other class.
    func showClass(_ request: NovaRequest) async throws -> [UInt8] {
        try Self.checkClass(request)
        return Self.write(try await store.classDefaults(), under: "quota_class_set", id: "default", request)
    }

    func updateClass(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        try Self.checkClass(request)
        let changes = try Self.changes(try JSONFields(body, in: "quota_class_set"), besides: [])
        if !changes.isEmpty { try await store.set(changes, of: QuotaStore.defaultClass) }
        return Self.write(try await store.classDefaults(), under: "quota_class_set", id: nil, request)
    }

    /// `GET /limits`.
    func limits(_ request: NovaRequest) async throws -> [UInt8] {
        var project = request.project
        if let asked = request.query["tenant_id"] ?? request.query["project_id"], asked != project.rawValue {
            try request.enforce("os_compute_api:limits:other_project")
            project = ProjectID(asked)
        }
        let limits = try await store.limits(of: project)
        let usage = try await store.usage(of: project)
        let counts = try await store.counts(of: project, user: request.user)
        var json = JSONWriter(capacity: 900)
        json.object {
            $0.object("limits") {
                $0.array("rate") { _ in }
                $0.object("absolute") {
                    $0.field("maxTotalInstances", limits.instances)
                    $0.field("maxTotalCores", limits.cores)
                    $0.field("maxTotalRAMSize", limits.ram)
                    $0.field("maxTotalKeypairs", limits.keyPairs)
                    $0.field("maxServerMeta", limits.metadataItems)
                    $0.field("maxServerGroups", limits.serverGroups)
                    $0.field("maxServerGroupMembers", limits.serverGroupMembers)
                    $0.field("maxImageMeta", 128)
                    $0.field("maxPersonality", 0)
                    $0.field("maxPersonalitySize", 0)
                    $0.field("totalInstancesUsed", usage.instances)
                    $0.field("totalCoresUsed", usage.cores)
                    $0.field("totalRAMUsed", usage.ram)
                    $0.field("totalServerGroupsUsed", counts.serverGroups)
                    guard request.version.minor < 36 else { return }
                    $0.field("maxSecurityGroups", -1)
                    $0.field("maxSecurityGroupRules", -1)
                    $0.field("maxTotalFloatingIps", -1)
                    $0.field("totalSecurityGroupsUsed", 0)
                    $0.field("totalFloatingIpsUsed", 0)
                }
            }
        }
        return json.bytes
    }

    // MARK: Members

    private struct Member {
        let name: String
        let limit: Int
        let resource: QuotaResource?
    }

    /// What Nova names and this doesn't count; the network's leave with 2.36.
    private static let elsewhere: [(name: String, limit: Int, isNetwork: Bool)] = [
        ("injected_files", 0, false), ("injected_file_content_bytes", 0, false), ("injected_file_path_bytes", 0, false),
        ("floating_ips", -1, true), ("fixed_ips", -1, true), ("security_groups", -1, true), ("security_group_rules", -1, true),
    ]

    private static func members(_ limits: QuotaLimits, _ request: NovaRequest) -> [Member] {
        QuotaResource.allCases.map { Member(name: $0.rawValue, limit: limits[$0], resource: $0) }
            + elsewhere.filter { !$0.isNetwork || request.version.minor < 36 }.map {
                Member(name: $0.name, limit: $0.limit, resource: nil)
            }
    }

    /// The limits a body asks for. What isn't counted here is accepted and changes nothing.
    private static func changes(
        _ fields: JSONFields, besides others: Set<String>, networks: Bool = true
    ) throws(CloudError) -> [QuotaResource: Int] {
        var changes: [QuotaResource: Int] = [:]
        for key in fields.object.keys where !others.contains(key) {
            let limit = try fields.int(key, in: -1...2_147_483_647)
            if let resource = QuotaResource(rawValue: key) {
                changes[resource] = limit
            } else if !elsewhere.contains(where: { $0.name == key && (networks || !$0.isNetwork) }) {
                throw JSONFields.invalid(
                    key, fields[key] ?? .null, "Additional properties are not allowed ('\(key)' was unexpected)")
            }
        }
        return changes
    }

    private static func checkClass(_ request: NovaRequest) throws(CloudError) {
        let name = try request.parameter("class")
        guard name == "default" else { throw CloudError(.notFound, "There is no quota class \(name), only default.") }
    }

    private static func write(
        _ limits: QuotaLimits, under key: StaticString = "quota_set", id: String?, _ request: NovaRequest
    ) -> [UInt8] {
        var json = JSONWriter(capacity: 700)
        json.object {
            $0.object(key) {
                if let id { $0.field("id", id) }
                for member in members(limits, request) { $0.field(named: member.name, member.limit) }
            }
        }
        return json.bytes
    }

    /// The project of the path: the caller's own, or any for administrators.
    private func project(_ request: NovaRequest) throws(CloudError) -> ProjectID {
        let project = ProjectID(try request.parameter("project"))
        guard request.caller.isAdmin || project == request.project else {
            throw CloudError(.forbidden, "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.")
        }
        return project
    }
}
