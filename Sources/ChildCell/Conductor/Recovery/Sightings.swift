internal import CellProtocol
internal import CloudModel

/// What the hosts of a cell have or may yet have, by their own word: the evidence by which a cell finds its servers again.
struct Sightings: Sendable {
    /// One host's word on one server.
    struct Sighting: Sendable, Hashable {
        let host: HostName
        let zone: ZoneName
        let epoch: PlacementEpoch
        /// The highest revision of an order that the host holds or has carried out.
        let revision: Int64
    }

    private var byHost: [HostName: [ServerID: Sighting]] = [:]

    /// The hosts that have spoken.
    var hosts: Set<HostName> { Set(byHost.keys) }

    /// A host has said all that it holds; what it said before counts no more.
    mutating func note(_ hello: HostHello, from host: HostName) { byHost[host] = Self.sightings(hello, on: host) }

    static func sightings(_ hello: HostHello, on host: HostName) -> [ServerID: Sighting] {
        Dictionary(
            hello.guests.map { guest in
                let seen = guest.observation
                return (
                    seen.server,
                    Sighting(
                        host: host, zone: hello.inventory.zone, epoch: seen.epoch,
                        revision: max(seen.appliedRevision, guest.ordered ?? 0))
                )
            }, uniquingKeysWith: { $0.epoch < $1.epoch ? $1 : $0 })
    }

    /// Where a server of this placement is. A build that failed on one host goes to the next only when nothing is left on the first, so
    /// that two sightings are rare: the one with the later order is the cell's own last word.
    func sighting(of server: ServerID, epoch: PlacementEpoch) -> Sighting? {
        byHost.values.compactMap { $0[server] }.filter { $0.epoch == epoch }.max { $0.revision < $1.revision }
    }
}
