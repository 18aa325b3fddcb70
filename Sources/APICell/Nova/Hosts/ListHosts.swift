import APIConventions
import CellProtocol
import CloudModel

/// `os-hosts`: the compute hosts under their oldest name, which `openstack host list` still uses.
struct ListHosts: Sendable {
    let store: HostStore
    let signal: any IntentSignal

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let zone = request.query["zone"] ?? ""
        let service = request.query["service"] ?? "compute"
        let hosts = try await store.hosts().filter {
            service == "compute" && (zone.isEmpty || $0.report.inventory.zone.rawValue == zone)
        }
        var json = JSONWriter(capacity: hosts.count * 100 + 32)
        json.object {
            $0.array("hosts") {
                for host in hosts {
                    $0.object {
                        $0.field("host_name", host.report.name.rawValue)
                        $0.field("service", "compute")
                        $0.field("zone", host.report.inventory.zone.rawValue)
                    }
                }
            }
        }
        return json.bytes
    }

    /// What the host has, and what is promised of it.
    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let host = try await find(request)
        var json = JSONWriter()
        json.object {
            $0.array("host") {
                Self.write("(total)", host.report.inventory.size, of: host, to: &$0)
                Self.write("(used_now)", host.report.used, of: host, to: &$0)
            }
        }
        return json.bytes
    }

    /// `enable` or `disable`: as `os-services` does it.
    func update(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["status", "maintenance_mode"])
        let status = try word("status", fields)
        let maintenance = try word("maintenance_mode", fields)
        guard status != nil || maintenance != nil else {
            throw CloudError(.badRequest, "Invalid input: status or maintenance_mode is needed.")
        }
        let host = try await find(request)
        guard maintenance == nil, let status else {
            throw CloudError(.notImplemented, "Hosts have no maintenance mode here. Disable the host instead.")
        }
        _ = try await store.want(disabled: status == "disable", reason: nil, of: host.report.name)
        signal.newIntents()
        var json = JSONWriter()
        json.object {
            $0.field("host", host.report.name.rawValue)
            $0.field("status", status == "disable" ? "disabled" : "enabled")
        }
        return json.bytes
    }

    /// A host's power isn't the cloud's to switch.
    func power(_ request: NovaRequest) async throws -> [UInt8] {
        _ = try await find(request)
        throw CloudError(.notImplemented, "The power of hosts is not switched by this cloud.")
    }

    private func word(_ key: String, _ fields: JSONFields) throws(CloudError) -> String? {
        guard fields.has(key) else { return nil }
        let word = try fields.string(key).lowercased()
        guard word == "enable" || word == "disable" else {
            throw JSONFields.invalid(key, .string(word), "'\(word)' is not one of ['enable', 'disable']")
        }
        return word
    }

    private func find(_ request: NovaRequest) async throws -> HostRecord {
        let name = try request.parameter("host")
        guard let host = try await store.host(HostName(name)) else {
            throw CloudError(.notFound, "Compute host \(name) could not be found.")
        }
        return host
    }

    private static func write(_ project: String, _ size: ResourceSize, of host: HostRecord, to json: inout JSONWriter) {
        json.object {
            $0.object("resource") {
                $0.field("host", host.report.name.rawValue)
                $0.field("project", project)
                $0.field("cpu", size.vcpus)
                $0.field("memory_mb", size.ram)
                $0.field("disk_gb", size.disk)
            }
        }
    }
}
