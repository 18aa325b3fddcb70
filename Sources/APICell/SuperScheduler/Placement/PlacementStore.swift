internal import CellProtocol
internal import CloudModel
internal import Database
internal import Foundation

/// The mapping server → cell, `unplaced → placing(cell, epoch) → placed`: every change is a compare-and-set on the row.
struct PlacementStore: Sendable {
    let database: Database
    private let set: Batcher<Placing, Placed?>

    /// A reserved place, to be written down.
    struct Placing: Sendable {
        let server: ServerID
        let cell: CellName
        let epoch: PlacementEpoch
        let ledger: PlacementLedger
        let steps: [TraceStep]
    }

    /// What the API cell owned of the server in the moment it was placed.
    struct Placed: Sendable {
        let name: String
        let metadata: [String: String]
    }

    init(database: Database) {
        self.database = database
        set = Batcher(largest: 64, gathering: CellLines.gathering) { placings in
            let rows = placings.map { PlacingRow($0) }
            // Named once more beside the rows: by themselves they would be found by reading the whole of a small table.
            let ids = placings.map(\.server)
            let results = try await database.query(
                """
                WITH given AS (
                    SELECT * FROM jsonb_to_recordset(\(json: rows)) AS r(id uuid, cell text, epoch bigint, ledger jsonb, steps jsonb)
                ), member AS MATERIALIZED (
                    SELECT id, group_id FROM compute.servers
                    WHERE group_id IS NOT NULL AND id = ANY(\(ids)) ORDER BY id FOR UPDATE
                ), pin AS MATERIALIZED (
                    SELECT id, cell FROM compute.server_groups
                    WHERE policy = 'affinity' AND id = ANY(ARRAY(SELECT group_id FROM member)) ORDER BY id FOR UPDATE
                ), placed AS (
                    UPDATE compute.servers s SET mapping = 'placing', cell = g.cell, epoch = g.epoch, placed_at = now(),
                        placed_attributes = s.attributes_revision
                    FROM given g LEFT JOIN member m ON m.id = g.id LEFT JOIN pin ON pin.id = m.group_id
                    WHERE s.id = g.id AND s.id = ANY(\(ids)) AND s.mapping = 'unplaced' AND s.verdict IS NULL AND s.deleted_at IS NULL
                        AND s.last_verb = 'create' AND (pin.id IS NULL OR pin.cell = g.cell)
                    RETURNING s.id, s.epoch, s.name, s.metadata
                ), noted AS (
                    UPDATE compute.server_actions a SET ledger = g.ledger, placement_steps = a.placement_steps || g.steps
                    FROM given g JOIN placed p ON p.id = g.id AND p.epoch = g.epoch
                    WHERE a.server = g.id AND a.server = ANY(\(ids)) AND a.number = 1
                )
                SELECT id, epoch, name, metadata FROM placed
                """)
            // By epoch: of two placings of one server in a batch the database writes one down.
            var placed: [PlacementEpoch: Placed] = [:]
            for row in results {
                placed[try row.get("epoch")] = try Placed(name: row.get("name"), metadata: row.json("metadata"))
            }
            return placings.map { placed[$0.epoch] }
        }
    }

    /// Writes the place down, unless the server was deleted or placed, or its group pinned elsewhere, meanwhile: then nil, and the
    /// reservation ends by itself. The group's row is locked, so that no two of its members go to two cells.
    func place(_ placing: Placing) async throws -> Placed? { try await set(placing) }

    /// Fresh epochs, each higher than any before.
    func epochs(_ count: Int) async throws -> [PlacementEpoch] {
        try await database.query("SELECT nextval('compute.placement_epoch') AS epoch FROM generate_series(1, \(Int64(count)))")
            .map { try $0.get("epoch") }
    }

    /// The highest epoch drawn.
    func highestEpoch() async throws -> PlacementEpoch {
        let rows = try await database.query(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS epoch FROM compute.placement_epoch")
        return try rows.first?.get("epoch") ?? .none
    }

    /// The cell has refused, which is a tombstone there: the server may go to another. One that was deleted meanwhile is gone with it.
    func unplace(_ server: ServerID, cell: CellName, epoch: PlacementEpoch, reason: String) async throws {
        try await database.transaction { transaction in
            _ = try await transaction.pipeline([
                "SELECT 1 FROM compute.servers WHERE id = \(server) FOR UPDATE",
                Self.unplacing(server, cell: cell, epoch: epoch, reason: reason),
            ])
        }
    }

    /// The statement of `unplace`, for the applier's own transaction, which holds the row's lock. With a server that was being deleted
    /// everything that was asked of it ends.
    static func unplacing(_ server: ServerID, cell: CellName, epoch: PlacementEpoch, reason: String) -> SQL {
        let attempt = PlacementLedger.Attempt(cell: cell, outcome: .refused, at: .now(), reason: reason)
        return """
            WITH freed AS (
                UPDATE compute.servers SET mapping = 'unplaced', cell = NULL, host = NULL, host_zone = NULL, progress = NULL,
                    done_through = 0, revision = 0, vm_state = 'building', power_state = 0, fault = NULL,
                    verdict = NULL, verdict_message = NULL, verdict_at = NULL,
                    deleted_at = CASE WHEN last_verb = 'delete' THEN now() END
                WHERE id = \(server) AND cell = \(cell) AND epoch = \(epoch) AND launched_at IS NULL
                RETURNING id, project, deleted_at IS NOT NULL AS gone
            ), told AS (
                INSERT INTO compute.events (kind, project, server, cell)
                SELECT 'compute.instance.delete.end', project, id, \(cell) FROM freed WHERE gone
            ), ended AS (
                UPDATE compute.server_actions a SET delivery = 'settled', finished_at = now(), message = NULL,
                    state = CASE WHEN a.verb = 'delete' THEN 'done' ELSE 'interrupted' END
                FROM freed f WHERE f.gone AND a.server = f.id AND a.number > 1 AND a.delivery <> 'settled'
            )
            UPDATE compute.server_actions a SET message = NULL, started_at = NULL,
                delivery = CASE WHEN f.gone THEN 'settled' ELSE 'pending' END,
                state = CASE WHEN f.gone THEN 'interrupted' END, finished_at = CASE WHEN f.gone THEN now() END,
                placement_steps = a.placement_steps || a.steps, steps = '[]',
                ledger = jsonb_set(coalesce(a.ledger, '{"attempts": []}'), '{attempts}',
                    coalesce(a.ledger -> 'attempts', '[]') || \(json: [attempt]))
            FROM freed f WHERE a.server = f.id AND a.number = 1
            """
    }

    /// A cell has nothing of a server on which it was to act: the action has failed, and the server waits for it no more.
    func refuse(_ intent: IntentID, on server: ServerID, cell: CellName, epoch: PlacementEpoch, reason: String) async throws {
        try await database.query(
            """
            WITH refused AS (
                UPDATE compute.server_actions a SET delivery = 'settled', state = 'failed', message = \(reason), finished_at = now()
                FROM compute.servers s
                WHERE a.intent = \(intent) AND s.id = a.server AND s.id = \(server) AND s.cell = \(cell) AND s.epoch = \(epoch)
                    AND a.delivery <> 'settled'
                RETURNING a.server, a.number
            )
            UPDATE compute.servers s SET done_through = greatest(s.done_through, r.number), progress = NULL
            FROM refused r WHERE s.id = r.server
            """)
    }

    /// No cell can take the server: the API cell's own verdict, with the whole ledger.
    func giveUp(_ server: ServerID, _ message: String, ledger: PlacementLedger, steps: [TraceStep]) async throws {
        try await database.transaction { transaction in
            let judged = try await transaction.query(
                """
                WITH judged AS (
                    UPDATE compute.servers SET verdict = 'error', verdict_message = \(message), verdict_at = now()
                    WHERE id = \(server) AND mapping = 'unplaced' AND deleted_at IS NULL AND verdict IS NULL RETURNING id, project
                ), settled AS (
                    UPDATE compute.server_actions a SET delivery = 'settled', state = 'failed', message = \(message), finished_at = now(),
                        ledger = \(json: ledger), placement_steps = a.placement_steps || \(json: steps)
                    FROM judged j WHERE a.server = j.id AND a.number = 1
                )
                SELECT id, project FROM judged
                """)
            try await EventLog.write(try judged.map { try CloudEvent(failed: $0, message) }, in: transaction)
        }
    }

    /// Servers that a cell was building when it went silent, past their build deadline: ERROR until the cell's own word.
    func judgeSilent(_ cell: CellName, createdBefore: Timestamp) async throws {
        let message = "The region \(cell) went silent while building the server."
        try await database.transaction { transaction in
            let judged = try await transaction.query(
                """
                UPDATE compute.servers SET verdict = 'error', verdict_message = \(message), verdict_at = now()
                WHERE cell = \(cell) AND done_through = 0 AND vm_state = 'building' AND verdict IS NULL AND deleted_at IS NULL
                    AND created_at < \(createdBefore)
                RETURNING id, project
                """)
            try await EventLog.write(try judged.map { try CloudEvent(failed: $0, message, in: cell) }, in: transaction)
        }
    }

    /// Unpins an affinity group of which no member is placed: whatever it was pinned to has given it nothing. False: it stays.
    func unpin(_ group: ServerGroupID) async throws -> Bool {
        try await database.query("SELECT compute.unpin(\(group)) AS unpinned").first?.get("unpinned") ?? false
    }

    /// Pins an affinity group to a cell, if it isn't pinned yet; the cell it is pinned to.
    func pin(_ group: ServerGroupID, to cell: CellName) async throws -> CellName {
        let rows = try await database.query(
            "UPDATE compute.server_groups SET cell = coalesce(cell, \(cell)) WHERE id = \(group) RETURNING cell")
        return try rows.first?.get("cell") ?? cell
    }

    private struct PlacingRow: Encodable, Sendable {
        let id: ServerID
        let cell: CellName
        let epoch: PlacementEpoch
        let ledger: PlacementLedger
        let steps: [TraceStep]

        init(_ placing: Placing) {
            id = placing.server
            cell = placing.cell
            epoch = placing.epoch
            ledger = placing.ledger
            steps = placing.steps
        }
    }
}
