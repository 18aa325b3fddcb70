internal import CellProtocol
internal import CloudModel
internal import Database
internal import Foundation
internal import Logging
internal import Messaging
internal import Observability

/// Hands accepted actions to the cells that have the servers, in the order of their numbers, until each has said that it is stored: over
/// lost messages, silent regions and restarts of either side.
struct DeliverIntents: Sendable {
    /// So long an intent that was handed over is not handed over again: the feed settles it sooner.
    static let repeatAfter = Duration.seconds(5)
    private static let batch = 64

    let database: Database
    let messenger: any Messenger
    let cells: CellDirectory
    let store: PlacementStore
    let inFlight: InFlight<IntentID>
    let acknowledged: Acknowledgements
    let timeout: Duration
    let log: Logger

    /// Delivers what is pending to every cell that can be reached, the cells beside each other.
    func callAsFunction() async throws {
        let reachable = await cells.reachable
        guard !reachable.isEmpty else { return }
        let pending = try await pending(in: reachable)
        await withTaskGroup(of: Void.self) { group in
            for (cell, intents) in pending { group.addTask { await deliver(intents, to: cell) } }
        }
    }

    private func deliver(_ intents: [PerformIntent.Intent], to cell: CellName) async {
        for start in stride(from: 0, to: intents.count, by: Self.batch) {
            let batch = Array(intents[start..<min(start + Self.batch, intents.count)])
            do {
                let answers = try await HandOver(messenger: messenger, log: log)(batch, to: cell, timeout: timeout)
                for (intent, answer) in zip(batch, answers) { try await settle(intent, answer, cell) }
            } catch {
                for intent in batch { await inFlight.release(intent.id, after: .milliseconds(500)) }
                log.info(
                    "intents have to wait for their cell",
                    metadata: [.cell: "\(cell)", .count: "\(intents.count - start)", .error: "\(error)"])
                return
            }
        }
    }

    private func settle(_ intent: PerformIntent.Intent, _ answer: PerformIntent.Answer, _ cell: CellName) async throws {
        switch answer {
        case .stored:
            // Stays in flight until the cell's own report of it arrives.
            if intent.order.verb == .create { await acknowledged.note(intent.server, intent.epoch) }
        case .notNow(let reason):
            log.info(
                "a cell can't take an intent now",
                metadata: [.cell: "\(cell)", .server: "\(intent.server)", .verb: "\(intent.order.verb)", .reason: "\(reason)"])
            await inFlight.release(intent.id, after: .seconds(1))
        case .refused(let reason):
            if intent.order.verb == .create {
                try await store.unplace(intent.server, cell: cell, epoch: intent.epoch, reason: reason)
            } else {
                if intent.order.verb != .delete {
                    try await store.refuse(intent.id, on: intent.server, cell: cell, epoch: intent.epoch, reason: reason)
                }
                log.error(
                    "a cell refused an action on a server that it should have",
                    metadata: [
                        .cell: "\(cell)", .server: "\(intent.server)", .verb: "\(intent.order.verb)", .reason: "\(reason)",
                    ])
            }
            await inFlight.release(intent.id, after: .seconds(1))
        }
    }

    /// What is to be told now. Each table is read once, whatever the planner thinks of its size (see `UnplacedCreates`).
    private func pending(in reachable: [CellName]) async throws -> [CellName: [PerformIntent.Intent]] {
        let rows = try await database.query(
            """
            WITH action AS MATERIALIZED (
                SELECT server, number, intent, verb, body, request, deadline FROM compute.server_actions
                WHERE delivery = 'pending' AND intent <> ALL(\(Array(await inFlight.current)))
            ), server AS MATERIALIZED (
                SELECT id, cell, epoch, spec, name, metadata, last_verb FROM compute.servers
                WHERE id = ANY(ARRAY(SELECT server FROM action)) AND cell = ANY(\(reachable)) AND deleted_at IS NULL
            )
            SELECT a.server, a.number, a.intent, a.verb, a.body, a.request, a.deadline, s.cell, s.epoch,
                CASE WHEN a.verb = 'create' THEN s.spec END AS spec, s.name, s.metadata
            FROM action AS a JOIN server AS s ON s.id = a.server
            WHERE a.verb <> 'create' OR s.last_verb <> 'delete'  -- what is to be deleted is not built first
            ORDER BY a.server, a.number LIMIT 500
            """)
        var intents: [CellName: [PerformIntent.Intent]] = [:]
        for row in rows {
            let intent: IntentID = try row.get("intent")
            guard await inFlight.take(intent, for: Self.repeatAfter) else { continue }
            let (server, epoch): (ServerID, PlacementEpoch) = try (row.get("server"), row.get("epoch"))
            intents[try row.get("cell"), default: []].append(
                try PerformIntent.Intent(
                    id: intent, server: server, epoch: epoch, number: Int(row.get("number") as Int32),
                    order: order(row), request: row.get("request"), deadline: row.get("deadline"),
                    wasStored: await acknowledged.contain(server, epoch) ? true : nil))
        }
        return intents
    }

    private func order(_ row: Row) throws -> PerformIntent.Order {
        switch try row.get("verb") as Verb {
        case .create:
            var spec = try row.json("spec", as: ServerSpec.self)
            spec.name = try row.get("name")
            spec.metadata = try row.json("metadata")
            return .create(spec)
        case .reboot: return .reboot(hard: try row.json("body", as: RebootBody.self).hard ?? false)
        case .start: return .start
        case .stop: return .stop
        case .delete: return .delete
        }
    }

    private struct RebootBody: Decodable { let hard: Bool? }
}
