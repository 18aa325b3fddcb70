internal import CellProtocol
internal import CloudModel

/// Placements whose create a cell has said it stored. Whatever is handed over of such a server, the cell is reminded of its word: a cell
/// that then has no record of it knows that its database was put back. Kept in memory for as long as a create may be handed over
/// again; a super-scheduler that starts anew has the feeds' positions to tell a restored database by.
actor Acknowledgements {
    private struct Placement: Hashable {
        let server: ServerID
        let epoch: PlacementEpoch
    }

    private var recent: Set<Placement> = []
    private var older: Set<Placement> = []
    private var turned = ContinuousClock.now

    /// Two of these are longer than a build may take; more only costs memory, 50 bytes a boot.
    private static let generation = Duration.seconds(600)

    func note(_ server: ServerID, _ epoch: PlacementEpoch) {
        if turned.duration(to: .now) > Self.generation {
            older = recent
            recent = []
            turned = .now
        }
        recent.insert(Placement(server: server, epoch: epoch))
    }

    /// The cell has said that it lost what it knew: it is not to be reminded of it again.
    func forget(_ servers: Set<ServerID>) {
        recent = recent.filter { !servers.contains($0.server) }
        older = older.filter { !servers.contains($0.server) }
    }

    func contain(_ server: ServerID, _ epoch: PlacementEpoch) -> Bool {
        let placement = Placement(server: server, epoch: epoch)
        return recent.contains(placement) || older.contains(placement)
    }
}
