import APIConventions
import CellProtocol
import CloudModel

/// `os-hypervisors`: what the hosts of all cells have and give, as their cells last said.
struct ListHypervisors: Sendable {
    let store: HostStore
    let regionSilent: Duration

    func list(_ request: NovaRequest, detail: Bool) async throws -> [UInt8] {
        var hosts = try await store.hosts()
        let paging = try Paging(request.query)
        let pages = request.version.minor >= 33
        if pages, let marker = paging.marker {
            guard let number = Int64(marker), let index = hosts.firstIndex(where: { $0.number == number }) else {
                throw CloudError(.badRequest, "marker [\(marker)] not found")
            }
            hosts.removeFirst(index + 1)
        }
        let isLast = !pages || hosts.count <= paging.limit
        if !isLast { hosts.removeLast(hosts.count - paging.limit) }
        var json = JSONWriter(capacity: hosts.count * (detail ? 640 : 120) + 32)
        json.object {
            $0.array("hypervisors") {
                for host in hosts { $0.object { write(host, request, detail: detail, to: &$0) } }
            }
            if !isLast, let last = hosts.last {
                request.links.writeNext(
                    to: &$0, "hypervisors_links", path: detail ? "os-hypervisors/detail" : "os-hypervisors",
                    query: request.query,
                    marker: "\(last.number)")
            }
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let host = try await find(request)
        var json = JSONWriter(capacity: 800)
        json.object { $0.object("hypervisor") { write(host, request, detail: true, to: &$0) } }
        return json.bytes
    }

    func uptime(_ request: NovaRequest) async throws -> [UInt8] {
        let host = try await find(request)
        throw CloudError(.notImplemented, "The uptime of \(host.report.name) is not known: hosts don't report it.")
    }

    func search(_ request: NovaRequest, withServers: Bool) async throws -> [UInt8] {
        let pattern = try request.parameter("hypervisor")
        let found = try await store.hosts().filter { $0.report.name.rawValue.contains(pattern) }
        guard !found.isEmpty else { throw CloudError(.notFound, "No hypervisor matching '\(pattern)' could be found.") }
        var servers: [HostName: [(id: ServerID, name: String)]] = [:]
        if withServers { for host in found { servers[host.report.name] = try await store.servers(on: host.report.name) } }
        var json = JSONWriter()
        json.object {
            $0.array("hypervisors") {
                for host in found {
                    $0.object {
                        write(host, request, detail: false, to: &$0)
                        if let own = servers[host.report.name], !own.isEmpty {
                            $0.array("servers") {
                                for server in own {
                                    $0.object {
                                        $0.field("uuid", server.id)
                                        $0.field("name", server.name)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    func statistics(_ request: NovaRequest) async throws -> [UInt8] {
        // Nova counts the hypervisors whose service is enabled.
        let hosts = try await store.hosts().filter(\.isEnabled)
        let total = hosts.reduce(ResourceSize.zero) { $0 + $1.report.inventory.size }
        let used = hosts.reduce(ResourceSize.zero) { $0 + $1.report.used }
        var json = JSONWriter()
        json.object {
            $0.object("hypervisor_statistics") {
                $0.field("count", hosts.count)
                $0.field("current_workload", 0)
                Self.write(total, used, to: &$0)
                $0.field("running_vms", hosts.reduce(0) { $0 + $1.report.servers })
            }
        }
        return json.bytes
    }

    private func find(_ request: NovaRequest) async throws -> HostRecord {
        let text = try request.parameter("hypervisor")
        guard let number = Int64(text), let host = try await store.host(number: number) else {
            throw CloudError(.notFound, "Hypervisor with ID '\(text)' could not be found.")
        }
        return host
    }

    private func write(_ host: HostRecord, _ request: NovaRequest, detail: Bool, to json: inout JSONWriter) {
        json.field("id", host.number)
        json.field("hypervisor_hostname", host.report.name.rawValue)
        json.field("state", host.isUp(at: request.received, silentAfter: regionSilent) ? "up" : "down")
        json.field("status", host.isEnabled ? "enabled" : "disabled")
        guard detail else { return }
        let inventory = host.report.inventory
        Self.write(inventory.size, host.report.used, to: &json)
        json.field("current_workload", 0)
        json.field("running_vms", host.report.servers)
        json.field("hypervisor_type", inventory.hypervisorType)
        json.field("hypervisor_version", inventory.hypervisorVersion)
        json.field("host_ip", inventory.address)
        if request.version.minor >= 28 { json.object("cpu_info") { _ in } } else { json.field("cpu_info", "") }
        json.object("service") {
            $0.field("id", host.number)
            $0.field("host", host.report.name.rawValue)
            $0.field("disabled_reason", host.disabledReason)
        }
    }

    private static func write(_ size: ResourceSize, _ used: ResourceSize, to json: inout JSONWriter) {
        let free = size - used
        json.field("vcpus", size.vcpus)
        json.field("vcpus_used", used.vcpus)
        json.field("memory_mb", size.ram)
        json.field("memory_mb_used", used.ram)
        json.field("free_ram_mb", free.ram)
        json.field("local_gb", size.disk)
        json.field("local_gb_used", used.disk)
        json.field("free_disk_gb", free.disk)
        json.field("disk_available_least", free.disk)
    }
}
