internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Logging
internal import Observability

/// Applies the cells' feeds: a batch and the move of its cursor in one transaction, one batch at a time over all cells, because events wait
/// for each other's commit anyway.
struct FeedApplier: Sendable {
    /// Batches that wait. Each cell sends one at a time and waits for its answer, so that twice as many as cells are enough; each holds up
    /// to 8 MiB, which is what more would cost. Fewer would turn cells away that come back all at once; they send again.
    private static let longestQueue = 64

    private let apply: Batcher<(CellName, FeedBatch), FeedPosition>

    /// `told` is called after a commit with events, and after one with refusals, which may end a delete.
    init(database: Database, told: @escaping @Sendable () -> Void = {}, log: Logger) {
        let refused = MetricsRegistry.shared.counter("meridian_hub_reports_refused_total")
        apply = Batcher(largest: 1, limit: Self.longestQueue) { batches in
            var positions: [FeedPosition] = []
            for (cell, batch) in batches {
                let (believed, doubted) = Self.believed(batch, of: cell)
                if !doubted.isEmpty {
                    refused.increment(by: doubted.count)
                    log.error(
                        "a cell reports what can't be true",
                        metadata: [.cell: "\(cell)", .count: "\(doubted.count)", .reason: "\(doubted[0])"])
                }
                positions.append(try await Self.apply(believed, of: cell, in: database, told))
            }
            return positions
        }
    }

    /// Where we stand with the cell's feed then: behind the batch, or where it should resume from.
    func callAsFunction(_ batch: FeedBatch, from cell: CellName) async throws -> FeedPosition { try await apply((cell, batch)) }

    /// A change that can't be true is left out, and the rest goes on: the cell would send the same for ever.
    private static func believed(_ batch: FeedBatch, of cell: CellName) -> (FeedBatch, [Unbelievable]) {
        var doubted: [Unbelievable] = []
        var batch = batch
        batch.changes = batch.changes.compactMap { change in
            do throws(Unbelievable) {
                if case .host(let report) = change, !report.name.rawValue.hasSuffix(".\(cell)") {
                    // Names are unique over the federation, and the first who tells of one would have it.
                    throw Unbelievable(description: "\(report.name) as its own host")
                }
                return try change.checked()
            } catch {
                doubted.append(error)
                return nil
            }
        }
        return (batch, doubted)
    }

    private static func apply(
        _ batch: FeedBatch, of cell: CellName, in database: Database, _ told: () -> Void
    ) async throws -> FeedPosition {
        let cursor = FeedCursor("up/\(cell)", schema: "compute")
        let changes = Sorted(batch.changes)
        let store = ReportStore()
        let applied = try await database.transaction { transaction -> (isNext: Bool, hasEvents: Bool) in
            let found = try await transaction.pipeline([
                cursor.advancing(from: batch.from, to: batch.to), store.locking(changes.servers.map(\.server), of: cell),
            ])
            guard !found[0].isEmpty else { return (false, false) }
            let before = try store.read(found[1])
            var events = changes.servers.compactMap { report in
                before[report.server].flatMap { CloudEvent(report, after: $0, in: cell) }
            }
            // A refusal that the answer to the intent couldn't carry: every host has failed since.
            let refusals = changes.servers.filter { $0.vmState != .deleted }.compactMap { report in
                report.refused.map { PlacementStore.unplacing(report.server, cell: cell, epoch: report.epoch, reason: $0) }
            }
            let statements =
                [
                    store.writing(changes.hosts, of: cell), store.writing(changes.actions, of: cell),
                    store.writing(changes.servers.filter { $0.refused == nil || $0.vmState == .deleted }, of: cell),
                    store.settlingActions(of: changes.servers),
                ] + refusals + [EventLog.writing(events)]
            let written = try await transaction.pipeline(statements.compactMap { $0 })
            if !changes.hosts.isEmpty, let hosts = written.first {
                let ofHosts = try store.readEvents(ofHosts: hosts, in: cell)
                if let telling = EventLog.writing(ofHosts) { try await transaction.query(telling) }
                events += ofHosts
            }
            return (true, !events.isEmpty || !refusals.isEmpty)
        }
        if applied.hasEvents { told() }
        guard applied.isNext else { return try await cursor.position(in: database) }
        return batch.to
    }

    private struct Sorted {
        var servers: [ServerReport] = []
        var actions: [ActionReport] = []
        var hosts: [HostReport] = []

        init(_ changes: [FeedChange]) {
            for change in changes {
                switch change {
                case .server(let report): servers.append(report)
                case .action(let report): actions.append(report)
                case .host(let report): hosts.append(report)
                case .attributes, .hostStanding: break  // those travel downwards only
                }
            }
        }
    }
}
