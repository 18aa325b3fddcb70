import ArgumentParser
import CloudClient

struct HostList: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The compute hosts of every cell.")
    @OptionGroup var global: GlobalOptions
    @Option(name: .customLong("cell"), help: "Only those of this cell.") var inCell: String?

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let hosts = try await cloud.hosts().filter { host in inCell.map { $0 == host["cell"]?.string } ?? true }
        output.list(
            ["Name", "Cell", "Zone", "State", "Status", "vCPUs", "Memory MiB", "Disk GiB", "Servers", "Fresh"], hosts.map(Self.row))
    }

    static func row(_ host: JSON) -> [JSON] {
        let freshness = Freshness(host)
        return [
            host["name"] ?? .null, host["cell"] ?? .null, host["zone"] ?? .null, host["state"] ?? .null,
            host["status"] ?? host["disabled"]?.bool.map { .string($0 ? "disabled" : "enabled") } ?? .null, use(host, "vcpus"),
            use(host, "ram"), use(host, "disk"), host["servers"] ?? .null,
            .string(Wording.freshness(freshness.age, isStale: freshness.isStale)),
        ]
    }

    private static func use(_ host: JSON, _ resource: String) -> JSON {
        let used = (host["used"]?[resource] ?? host["\(resource)_used"])?.int
        let total = (host["total"]?[resource] ?? host["capacity"]?[resource] ?? host["\(resource)_total"] ?? host[resource])?.int
        guard let total else { return .null }
        return .string(used.map { "\($0)/\(total)" } ?? "\(total)")
    }
}
