import ArgumentParser
import CloudClient

struct CellList: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The cells and how they are; for administrators also how full.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        output.list(
            ["Name", "State", "Zones", "Hosts", "Servers", "vCPUs", "Memory MiB", "Disk GiB", "Fresh", "Reason"],
            try await cloud.cells().map(Self.row))
    }

    private static func row(_ cell: JSON) -> [JSON] {
        let zones = (cell["zones"]?.array ?? []).map(\.shown).joined(separator: ", ")
        return [
            cell["name"] ?? .null, cell["state"] ?? .null, .string(zones), cell["hosts"] ?? .null, cell["servers"] ?? .null,
            Room.used(cell, "vcpus"), Room.used(cell, "ram"), Room.used(cell, "disk"),
            .string(Wording.freshness(Freshness(cell).age, isStale: cell["state"]?.string == "silent")),
            cell["reason"] ?? .null,
        ]
    }
}

/// How full something is.
enum Room {
    /// `3/64` of a resource, from `used` and `total`, or from `free` and `total`.
    static func used(_ json: JSON, _ resource: String) -> JSON {
        guard let total = json["total"]?[resource]?.int else { return .null }
        let used = json["used"]?[resource]?.int ?? json["free"]?[resource]?.int.map { total - $0 }
        return .string(used.map { "\($0)/\(total)" } ?? "\(total)")
    }
}
