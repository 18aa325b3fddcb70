import ArgumentParser
import CloudClient

struct CellList: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The cells and how they are; for administrators also how full.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let cells = try await cloud.cells()
        // Only administrators are told how full a cell is.
        let tellsRoom = cells.contains { $0["total"] != nil }
        let room = tellsRoom ? ["Hosts", "Servers", "vCPUs", "Memory MiB", "Disk GiB"] : []
        output.list(["Name", "State", "Zones"] + room + ["Fresh", "Reason"], cells.map { Self.row($0, tellsRoom: tellsRoom) })
    }

    private static func row(_ cell: JSON, tellsRoom: Bool) -> [JSON] {
        let zones = (cell["zones"]?.array ?? []).map(\.shown).joined(separator: ", ")
        var row: [JSON] = [cell["name"] ?? .null, cell["state"] ?? .null, .string(zones)]
        if tellsRoom {
            row += [cell["hosts"] ?? .null, cell["servers"] ?? .null]
            row += ["vcpus", "ram", "disk"].map { Room.used(cell, $0) }
        }
        let freshness = Wording.freshness(Freshness(cell).age, isStale: cell["state"]?.string == "silent")
        return row + [.string(freshness), cell["reason"] ?? .null]
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
