package import CloudModel

/// Which cells have gone silent, and which are back, as this process sees it. A process that has just started has heard nobody: it says
/// so of no cell before it has waited for it as long as a cell may be silent.
package struct CellWatch: Sendable {
    package struct Change: Sendable, Hashable {
        package var cell: CellName
        package var isSilent: Bool
    }

    private let silentAfter: Duration
    private var firstSeen: [CellName: ContinuousClock.Instant] = [:]
    private var isSilent: [CellName: Bool] = [:]

    package init(silentAfter: Duration) { self.silentAfter = silentAfter }

    /// The cells that are silent, and what has changed since the last look.
    package mutating func look(
        at contacts: [CellName: CellSelection.Cell.Contact], at now: ContinuousClock.Instant
    ) -> (silent: [CellName], changes: [Change]) {
        var silent: [CellName] = []
        var changes: [Change] = []
        for (cell, contact) in contacts.sorted(by: { $0.key < $1.key }) {
            let since = firstSeen[cell] ?? now
            firstSeen[cell] = since
            let silence: Bool
            switch contact {
            case .inContact, .suspect, .unmet: silence = false
            case .silent:
                guard since.duration(to: now) > silentAfter else { continue }
                silence = true
                silent.append(cell)
            }
            if isSilent[cell] != silence { changes.append(Change(cell: cell, isSilent: silence)) }
            isSilent[cell] = silence
        }
        return (silent, changes)
    }
}
