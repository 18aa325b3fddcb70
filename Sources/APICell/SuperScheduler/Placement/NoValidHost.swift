internal import CellProtocol
internal import CloudModel

/// What a server that no cell can take is told, in words for whoever asked for it.
struct NoValidHost: Sendable {
    let zone: ZoneName?
    let homeRegion: CellName?
    /// Cells that would fit and couldn't be reached.
    let silent: [CellName]
    /// Cells that would fit and know more than the API database.
    let ahead: [CellName]
    let ledger: PlacementLedger

    var message: String { "No valid host was found. " + reason }

    private var reason: String {
        if !ahead.isEmpty {
            let without = wish.map { ", or without the \($0)" } ?? ""
            return
                "The cloud's API database was restored from a backup, and the \(Self.named(ahead, "knows", "know")) later placements: none is made there before an operator has raised the database's epochs. Ask again then\(without)."
        }
        if silent.isEmpty { return considered }
        if wish == nil {
            return "The regions that might have room are silent or have no host that is up: \(Self.list(silent))."
        }
        return
            "The \(Self.named(silent, "is silent or has", "are silent or have")) no host that is up, and the server was asked for there."
    }

    /// What binds the server to where it was asked for.
    private var wish: String? { zone != nil ? "zone" : homeRegion != nil ? "region" : nil }

    private var considered: String {
        let reasons = ledger.attempts.compactMap { attempt in attempt.reason.map { "\(attempt.cell): \($0)" } }
        return reasons.isEmpty ? "The federation has no regions." : reasons.prefix(4).joined(separator: "; ")
    }

    private static func named(_ cells: [CellName], _ one: String, _ several: String) -> String {
        cells.count == 1 ? "region \(cells[0]) \(one)" : "regions \(list(cells)) \(several)"
    }

    private static func list(_ cells: [CellName]) -> String { cells.map(\.rawValue).joined(separator: ", ") }
}
