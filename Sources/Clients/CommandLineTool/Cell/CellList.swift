import ArgumentParser
import CloudClient

struct CellList: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The cells and how they are.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        output.list(
            ["Name", "State", "Hosts", "Servers", "vCPUs", "Memory MiB", "Disk GiB", "Fresh", "Note"],
            try await cloud.cells().map(Self.row))
    }

    static func row(_ cell: JSON) -> [JSON] {
        let freshness = Freshness(cell)
        return [
            cell["name"] ?? .null, cell["state"] ?? .null, Self.hosts(cell), cell["servers"] ?? .null, use(cell, "vcpus"),
            use(cell, "ram"), use(cell, "disk"),
            .string(Wording.freshness(freshness.age, isStale: freshness.isStale || cell["state"]?.string == "silent")),
            cell["disabled_reason"] ?? cell["reason"] ?? .null,
        ]
    }

    /// `2`, or `1/2` when one of two is up.
    private static func hosts(_ cell: JSON) -> JSON {
        if let count = cell["hosts"], count.int != nil { return count }
        guard let total = cell["hosts"]?["total"]?.int else { return .null }
        return .string(cell["hosts"]?["up"]?.int.map { "\($0)/\(total)" } ?? "\(total)")
    }

    /// `used/total` of a resource, from whichever of the usual forms is there.
    private static func use(_ cell: JSON, _ resource: String) -> JSON {
        let used = (cell["used"]?[resource] ?? cell["\(resource)_used"])?.int
        let total = (cell["total"]?[resource] ?? cell["capacity"]?[resource] ?? cell["\(resource)_total"] ?? cell[resource])?.int
        guard let total else { return .null }
        return .string(used.map { "\($0)/\(total)" } ?? "\(total)")
    }
}
