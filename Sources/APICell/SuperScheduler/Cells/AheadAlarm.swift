internal import CloudModel
internal import Logging
internal import Observability

/// Says when the API database is found to be behind a cell, and when it no longer is: in the log once, and as a gauge for as long as it
/// lasts.
actor AheadAlarm {
    private let gauge = MetricsRegistry.shared.gauge("meridian_cells_ahead")
    private let log: Logger
    private var known: Set<CellName> = []

    init(log: Logger) { self.log = log }

    func saw(_ ahead: [CellName]) {
        gauge.set(ahead.count)
        for cell in ahead where known.insert(cell).inserted {
            log.error(
                "the API database was rewound: nothing is placed in a cell that knows later placements until an operator has seen to it",
                metadata: [.cell: "\(cell)"])
        }
        for cell in known.subtracting(ahead).sorted() {
            known.remove(cell)
            log.notice("a cell is no longer ahead of the API database", metadata: [.cell: "\(cell)"])
        }
    }
}
