import APIConventions
import CloudModel
import Foundation

/// What administrators do to flavors. A change never reaches a server that exists: each carries its own copy.
struct ManageFlavors: Sendable {
    let store: FlavorStore

    /// PostgreSQL's `int`; Nova's own limit.
    private static let largest = 2_147_483_647

    func create(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, in: "flavor")
        try fields.allow(only: [
            "name", "id", "ram", "vcpus", "disk", "OS-FLV-EXT-DATA:ephemeral", "swap", "rxtx_factor",
            "os-flavor-access:is_public",
        ])
        let id: String
        switch fields["id"] {
        case nil, .null, .string("auto"): id = UUID().lowercased
        case .int(let number): id = "\(number)"
        default: id = try fields.resourceName("id")
        }
        let flavor = Flavor(
            id: FlavorID(id), name: try ServerFields.name(fields), vcpus: try fields.int("vcpus", in: 1...Self.largest),
            ram: try fields.int("ram", in: 1...Self.largest), disk: try fields.int("disk", in: 0...Self.largest),
            ephemeral: try fields.optionalInt("OS-FLV-EXT-DATA:ephemeral", in: 0...Self.largest) ?? 0,
            swap: try fields.optionalInt("swap", in: 0...Self.largest) ?? 0)
        let record = FlavorRecord(
            flavor: flavor, rxtxFactor: try Self.factor(fields),
            isPublic: try fields.optionalBool("os-flavor-access:is_public") ?? true)
        try await store.insert(record)
        let document = FlavorDocument(links: request.links)
        var json = JSONWriter()
        json.object { $0.object("flavor") { document.write(record, to: &$0) } }
        return json.bytes
    }

    private static func factor(_ fields: JSONFields) throws(CloudError) -> Double {
        let value: Double?
        switch fields["rxtx_factor"] {
        case nil, .null: return 1
        case .int(let number): value = Double(number)
        case .double(let number): value = number
        case .string(let text): value = Double(text)
        case .some: value = nil
        }
        guard let value, value > 0, value.isFinite else {
            throw JSONFields.invalid("rxtx_factor", fields["rxtx_factor"] ?? .null, "it is not a number greater than 0")
        }
        return value
    }

    func delete(_ request: NovaRequest) async throws {
        let id = FlavorID(try request.parameter("flavor"))
        guard try await store.delete(id) else { throw ListFlavors.notFound(id) }
    }

    // MARK: Extra specs

    func addSpecs(_ body: JSONValue, _ request: NovaRequest) async throws -> [String: String] {
        let id = FlavorID(try request.parameter("flavor"))
        guard let specs = try JSONFields(body, name: "body").optionalTexts("extra_specs", limit: 128), !specs.isEmpty else {
            throw CloudError(.badRequest, "Invalid input for field/attribute extra_specs: it must hold at least one.")
        }
        guard try await store.mergeExtraSpecs(specs, into: id) != nil else { throw ListFlavors.notFound(id) }
        return specs
    }

    func setSpec(_ body: JSONValue, _ request: NovaRequest) async throws -> (String, String) {
        let id = FlavorID(try request.parameter("flavor"))
        let key = try request.parameter("key")
        let fields = try JSONFields(body, name: "body")
        guard fields.has(key), fields.object.members.count == 1 else {
            throw CloudError(.badRequest, "Request body and URI mismatch")
        }
        let value = try fields.string(key)
        guard try await store.mergeExtraSpecs([key: value], into: id) != nil else { throw ListFlavors.notFound(id) }
        return (key, value)
    }

    func removeSpec(_ request: NovaRequest) async throws {
        let id = FlavorID(try request.parameter("flavor"))
        let key = try request.parameter("key")
        guard try await store.removeExtraSpec(key, of: id) else { throw Self.noSpec(key, id) }
    }

    static func noSpec(_ key: String, _ id: FlavorID) -> CloudError {
        CloudError(.notFound, "Flavor \(id) has no extra specs with key \(key).")
    }

    // MARK: Who may use a flavor that isn't public

    func access(_ request: NovaRequest) async throws -> [UInt8] {
        let id = FlavorID(try request.parameter("flavor"))
        let record = try await record(id)
        guard !record.isPublic else { throw CloudError(.notFound, "Access list not available for public flavors.") }
        return try await writeAccess(id)
    }

    /// The rule comes first: whoever may not change access doesn't learn which flavors there are.
    func changeAccess(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let id = FlavorID(try request.parameter("flavor"))
        let fields = try JSONFields(body, name: "body")
        if let grant = try fields.optionalFields("addTenantAccess") {
            try request.enforce("os_compute_api:os-flavor-access:add_tenant_access")
            let project = ProjectID(try grant.string("tenant", length: 1...64))
            let record = try await record(id)
            guard !record.isPublic else { throw CloudError(.conflict, "Can not add access to a public flavor.") }
            guard try await store.grant(id, to: project) else {
                throw CloudError(.conflict, "Flavor access already exists for flavor \(id) and project \(project) combination.")
            }
        } else if let revoke = try fields.optionalFields("removeTenantAccess") {
            try request.enforce("os_compute_api:os-flavor-access:remove_tenant_access")
            let project = ProjectID(try revoke.string("tenant", length: 1...64))
            _ = try await record(id)
            guard try await store.revoke(id, from: project) else {
                throw CloudError(.notFound, "Flavor access not found for \(id) / \(project) combination.")
            }
        } else {
            try request.enforce("os_compute_api:os-flavor-access")
            throw CloudError(.badRequest, "There is no such action: \(fields.object.keys.prefix(3).joined(separator: ", "))")
        }
        return try await writeAccess(id)
    }

    private func record(_ id: FlavorID) async throws -> FlavorRecord {
        guard let record = try await store.flavor(id, visibleTo: nil) else { throw ListFlavors.notFound(id) }
        return record
    }

    private func writeAccess(_ id: FlavorID) async throws -> [UInt8] {
        let projects = try await store.access(of: id)
        var json = JSONWriter()
        json.object {
            $0.array("flavor_access") {
                for project in projects {
                    $0.object {
                        $0.field("flavor_id", id.rawValue)
                        $0.field("tenant_id", project.rawValue)
                    }
                }
            }
        }
        return json.bytes
    }
}
