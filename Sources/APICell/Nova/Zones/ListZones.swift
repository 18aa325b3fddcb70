import APIConventions
import CellProtocol
import CloudModel

/// `os-availability-zone`: the zones of all cells. One of a silent or draining cell, or without a host that is
/// enabled and up, is listed as not available.
struct ListZones: Sendable {
    let store: ZoneStore
    let hosts: HostStore
    let regionSilent: Duration

    func callAsFunction(_ request: NovaRequest, detail: Bool) async throws -> [UInt8] {
        let zones = try await store.zones()
        let hosts = detail ? try await hosts.hosts() : []
        var json = JSONWriter(capacity: 256 + hosts.count * 160)
        json.object {
            $0.array("availabilityZoneInfo") {
                for (index, zone) in zones.enumerated() where index == 0 || zones[index - 1].name != zone.name {
                    let isAvailable = zones.contains {
                        $0.name == zone.name && $0.isAvailable(at: request.received, silentAfter: regionSilent)
                    }
                    let own = hosts.filter { $0.report.inventory.zone == zone.name }
                    $0.object {
                        $0.field("zoneName", zone.name.rawValue)
                        $0.object("zoneState") { $0.field("available", isAvailable) }
                        guard detail, !own.isEmpty else { return $0.null("hosts") }
                        $0.object("hosts") { for host in own { write(host, request, to: &$0) } }
                    }
                }
            }
        }
        return json.bytes
    }

    private func write(_ host: HostRecord, _ request: NovaRequest, to json: inout JSONWriter) {
        json.object(named: host.report.name.rawValue) {
            $0.object(named: ListServices.binary) {
                $0.field("available", host.isEnabled)
                $0.field("active", host.isUp(at: request.received, silentAfter: regionSilent))
                $0.field("updated_at", host.lastSeen.withoutZone)
            }
        }
    }
}
