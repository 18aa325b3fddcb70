internal import CellProtocol
internal import CloudModel
internal import Database
internal import Foundation

/// Whether the cell works as usual, drains, or recovers from a restore; and the highest epoch it has seen.
final class CellStanding: Sendable {
    private let database: Database
    private let recovering = Flag()

    init(database: Database) { self.database = database }

    var isRecovering: Bool { recovering.isSet }
    var state: CellSummary.State { isRecovering ? .recovering : .up }

    func load() async throws {
        let rows = try await database.query("SELECT recovering FROM cell.standing")
        let reason: String? = try rows.first?.get("recovering")
        recovering.set(reason != nil)
    }

    func highestEpoch() async throws -> PlacementEpoch {
        try await database.query("SELECT highest_epoch FROM cell.standing").first?.get("highest_epoch") ?? .none
    }

    /// From here on the cell starts and destroys nothing, until `endRecovery`; also over a restart.
    func beginRecovery(_ reason: String) async throws {
        recovering.set(true)
        try await database.query("UPDATE cell.standing SET recovering = \(reason)")
    }

    func endRecovery() async throws {
        try await database.query("UPDATE cell.standing SET recovering = NULL")
        recovering.set(false)
    }

    /// Throws unless the cell may act.
    func mustNotBeRecovering() throws {
        if isRecovering {
            throw CloudError(
                .unavailable,
                "The cell is recovering from a restore of its database and changes nothing until it has caught up.",
                retryAfter: 5)
        }
    }
}

/// A boolean behind a lock.
private final class Flag: Sendable {
    private let lock = NSLock()
    nonisolated(unsafe) private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set(_ new: Bool) { lock.withLock { value = new } }
}
