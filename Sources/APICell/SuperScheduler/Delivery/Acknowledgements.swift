internal import CellProtocol
internal import CloudModel

/// Creates that a cell has said it stored. When one of them has to be handed over again, the cell is reminded of its word: a cell that then
/// has no record of it knows that its database was put back. Kept in memory for as long as a create may be handed over again; a
/// super-scheduler that starts anew has the feeds' positions to tell a restored database by.
actor Acknowledgements {
    private var recent: Set<IntentID> = []
    private var older: Set<IntentID> = []
    private var turned = ContinuousClock.now

    /// Two of these are longer than a build may take; more only costs memory, 40 bytes a boot.
    private static let generation = Duration.seconds(600)

    func note(_ intent: IntentID) {
        if turned.duration(to: .now) > Self.generation {
            older = recent
            recent = []
            turned = .now
        }
        recent.insert(intent)
    }

    /// The cell has said that it lost what it knew: it is not to be reminded of it again.
    func forget(_ intents: [IntentID]) {
        recent.subtract(intents)
        older.subtract(intents)
    }

    func contain(_ intent: IntentID) -> Bool { recent.contains(intent) || older.contains(intent) }
}
