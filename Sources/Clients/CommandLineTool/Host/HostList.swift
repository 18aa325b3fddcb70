import ArgumentParser
import CloudClient

struct HostList: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The compute hosts of every cell (administrators).")
    static let isForOperators = true
    @OptionGroup var global: GlobalOptions
    @Option(name: .customLong("cell"), help: "Only those of this cell.") var inCell: String?

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let hosts = try await cloud.hosts().filter { host in inCell.map { $0 == host["cell"]?.string } ?? true }
        output.list(
            ["Name", "Cell", "Zone", "State", "Enabled", "vCPUs", "Memory MiB", "Disk GiB", "Servers", "Fresh", "Reason"],
            hosts.map(Self.row))
    }

    private static func row(_ host: JSON) -> [JSON] {
        let enabled: JSON = host["enabled"]?.bool.map { .string($0 ? "yes" : "no") } ?? .null
        return [
            host["name"] ?? .null, host["cell"] ?? .null, host["zone"] ?? .null, host["state"] ?? .null, enabled,
            Room.used(host, "vcpus"), Room.used(host, "ram"), Room.used(host, "disk"), host["servers"] ?? .null,
            .string(Wording.freshness(Freshness(host).age, isStale: false)), host["reason"] ?? .null,
        ]
    }
}
