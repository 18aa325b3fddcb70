import APIConventions
import CellProtocol
import CloudModel

/// `os-services`: the compute agents of all cells. Those of a silent cell stay listed, `down`.
struct ListServices: Sendable {
    let store: HostStore
    let regionSilent: Duration

    static let binary = "nova-compute"

    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let host = request.query["host"]
        let binary = request.query["binary"]
        let hosts = try await store.hosts().filter { host == nil || $0.report.name.rawValue == host }
        let shown = binary == nil || binary == Self.binary ? hosts : []
        var json = JSONWriter(capacity: shown.count * 280 + 32)
        json.object {
            $0.array("services") {
                for host in shown {
                    $0.object { write(host, request, to: &$0) }
                }
            }
        }
        return json.bytes
    }

    private func write(_ host: HostRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        json.field("id", host.number)
        json.field("binary", Self.binary)
        json.field("host", host.report.name.rawValue)
        json.field("zone", host.report.inventory.zone.rawValue)
        json.field("status", host.isEnabled ? "enabled" : "disabled")
        json.field("state", host.isUp(at: request.received, silentAfter: regionSilent) ? "up" : "down")
        json.field("updated_at", host.lastSeen.withoutZone)
        json.field("disabled_reason", host.disabledReason)
        if request.version.minor >= 11 { json.field("forced_down", false) }
    }

    /// `DELETE /os-services/{id}`: of a host that is gone for good.
    func delete(_ request: NovaRequest) async throws {
        let text = try request.parameter("service")
        guard let number = Int64(text) else {
            throw CloudError(.badRequest, "A service's id is a number; \(text.prefix(40)) is none.")
        }
        switch try await store.remove(number: number) {
        case .removed: return
        case .notFound: throw CloudError(.notFound, "Service with ID \(number) could not be found.")
        case .isUp:
            throw CloudError(
                .conflict,
                "The host of service \(number) is up, by its region's last word. Only the service of a host that is down is deleted."
            )
        case .hasServers:
            throw CloudError(.conflict, "The host of service \(number) still has servers. Delete them first.")
        }
    }

    /// `enable`, `disable` and `disable-log-reason`: what an administrator wants, carried down to the host's cell.
    func change(_ body: JSONValue, to action: String, _ request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["host", "binary", "disabled_reason"])
        let host = try fields.string("host", length: 1...255)
        let binary = try fields.string("binary", length: 1...255)
        let reason: String?
        switch action {
        case "enable", "disable": reason = nil
        default: reason = try fields.string("disabled_reason", length: 1...255)
        }
        guard binary == Self.binary else { throw CloudError(.notFound, "Could not find binary \(binary) on host \(host).") }
        let disabled = action != "enable"
        guard try await store.want(disabled: disabled, reason: reason, of: HostName(host)) else {
            throw CloudError(.notFound, "Compute host \(host) could not be found.")
        }
        var json = JSONWriter()
        json.object {
            $0.object("service") {
                $0.field("host", host)
                $0.field("binary", binary)
                $0.field("status", disabled ? "disabled" : "enabled")
                if let reason { $0.field("disabled_reason", reason) }
            }
        }
        return json.bytes
    }
}
