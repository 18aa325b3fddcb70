internal import CellProtocol
internal import CloudModel

/// What hosts offer, zone by zone, as a summary tells it; and what of it has no place there. A pure value.
struct SummarizedHosts: Sendable {
    private(set) var zones: [CellSummary.Zone] = []
    private(set) var leftOut: Set<LeftOut> = []

    /// What no server that asks for it is placed by.
    enum LeftOut: Sendable, Hashable {
        case zone(ZoneName)
        case trait(String, ZoneName)
    }

    /// Takes the hosts that are enabled and up. Of too many zones or traits the first by name have a place.
    init(_ hosts: some Sequence<HostStore.Host>) {
        let byZone = Dictionary(grouping: hosts.filter { $0.enabled && $0.up }, by: \.inventory.zone)
            .sorted { $0.key < $1.key }
        for (name, hosts) in byZone.prefix(SummaryLimits.zones) {
            let traits = hosts.reduce(into: Set<String>()) { $0.formUnion($1.inventory.traits) }.sorted()
            zones.append(Self.zone(name, hosts, traits: Array(traits.prefix(SummaryLimits.traitsInZone))))
            leftOut.formUnion(traits.dropFirst(SummaryLimits.traitsInZone).map { .trait($0, name) })
        }
        leftOut.formUnion(byZone.dropFirst(SummaryLimits.zones).map { .zone($0.key) })
    }

    private static func zone(_ name: ZoneName, _ hosts: [HostStore.Host], traits: [String]) -> CellSummary.Zone {
        var zone = CellSummary.Zone(
            name: name, hosts: hosts.count, free: .zero, largest: .zero, total: .zero, traits: traits)
        for host in hosts {
            let free = host.total - host.used
            zone.free = zone.free + free
            zone.total = zone.total + host.total
            zone.largest.vcpus = max(zone.largest.vcpus, free.vcpus)
            zone.largest.ram = max(zone.largest.ram, free.ram)
            zone.largest.disk = max(zone.largest.disk, free.disk)
        }
        return zone
    }
}
