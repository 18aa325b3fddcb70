import APIConventions
import CellProtocol
import CloudModel

/// Cells and hosts as operators watch them.
struct MeridianCells: Sendable {
    let cells: CellStore
    let hosts: HostStore
    let signal: any IntentSignal
    let regionSilent: Duration

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let cells = try await cells.cells()
        var json = JSONWriter(capacity: cells.count * 640 + 32)
        json.object { $0.array("cells") { for cell in cells { $0.object { write(cell, request, to: &$0) } } } }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let name = CellName(try request.parameter("cell"))
        guard let cell = try await cells.cell(name) else { throw Self.notFound(name) }
        var json = JSONWriter()
        json.object { $0.object("cell") { write(cell, request, to: &$0) } }
        return json.bytes
    }

    /// `{"disabled": true, "reason": "…"}` drains: no new servers, what runs there runs on.
    func update(_ body: JSONValue, _ request: NovaRequest) async throws -> [UInt8] {
        let name = CellName(try request.parameter("cell"))
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["disabled", "reason"])
        guard let disabled = try fields.optionalBool("disabled") else { throw fields.missing("disabled") }
        let reason = try fields.optionalString("reason")
        guard try await cells.setDisabled(name, disabled, reason: disabled ? reason : nil) else { throw Self.notFound(name) }
        signal.newIntents()
        return try await show(request)
    }

    func listHosts(_ request: NovaRequest) async throws -> [UInt8] {
        let cell = request.query["cell"]
        let hosts = try await hosts.hosts().filter { cell == nil || $0.cell.rawValue == cell }
        var json = JSONWriter(capacity: hosts.count * 480 + 32)
        json.object { $0.array("hosts") { for host in hosts { $0.object { write(host, request, to: &$0) } } } }
        return json.bytes
    }

    private static func notFound(_ name: CellName) -> CloudError { CloudError(.notFound, "There is no cell called \(name).") }

    private func write(_ cell: CellRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        let zones = cell.summary?.zones ?? []
        json.field("name", cell.name)
        json.field("state", cell.state(at: request.received, silentAfter: regionSilent))
        json.field("disabled", cell.disabled)
        json.field("reason", cell.reason)
        json.field("zones", zones.isEmpty ? [cell.name.rawValue] : zones.map(\.name.rawValue))
        json.field("as_of", cell.lastContact?.description)
        guard request.caller.isAdmin else { return }
        json.field("release", cell.release)
        json.field("weight", cell.summary?.weight)
        json.field("hosts", cell.hosts)
        json.field("servers", cell.servers)
        json.field("joined_at", cell.joined.description)
        Self.write("free", zones.reduce(ResourceSize.zero) { $0 + $1.free }, to: &json)
        Self.write("total", zones.reduce(ResourceSize.zero) { $0 + $1.total }, to: &json)
    }

    private func write(_ host: HostRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        let inventory = host.report.inventory
        json.field("name", host.report.name)
        json.field("cell", host.cell)
        json.field("zone", inventory.zone)
        json.field("state", host.isUp(at: request.received, silentAfter: regionSilent) ? "up" : "down")
        json.field("enabled", host.isEnabled)
        json.field("reason", host.disabledReason)
        json.field("servers", host.report.servers)
        json.field("hypervisor", inventory.hypervisorType)
        json.field("acceleration", inventory.acceleration)
        json.field("address", inventory.address)
        json.field("traits", inventory.traits)
        json.field("release", host.report.release)
        Self.write("used", host.report.used, to: &json)
        Self.write("total", inventory.size, to: &json)
        json.field("last_seen", host.lastSeen.description)
        json.field("as_of", host.lastContact?.description)
    }

    private static func write(_ key: StaticString, _ size: ResourceSize, to json: inout JSONWriter) {
        json.object(key) {
            $0.field("vcpus", size.vcpus)
            $0.field("ram", size.ram)
            $0.field("disk", size.disk)
        }
    }
}
