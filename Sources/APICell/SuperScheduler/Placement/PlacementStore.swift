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
                ), placed AS (
                    UPDATE compute.servers s SET mapping = 'placing', cell = g.cell, epoch = g.epoch, placed_at = now()
                    FROM given g
                    WHERE s.id = g.id AND s.id = ANY(\(ids)) AND s.mapping = 'unplaced' AND s.verdict IS NULL AND s.deleted_at IS NULL
                        AND s.last_verb = 'create'
                    RETURNING s.id, s.name, s.metadata
                ), noted AS (
                    UPDATE compute.server_actions a SET ledger = g.ledger, placement_steps = a.placement_steps || g.steps
                    FROM given g JOIN placed p ON p.id = g.id
                    WHERE a.server = g.id AND a.server = ANY(\(ids)) AND a.number = 1
                )
                SELECT id, name, metadata FROM placed
                """)
            var placed: [ServerID: Placed] = [:]
            for row in results { placed[try row.get("id")] = try Placed(name: row.get("name"), metadata: row.json("metadata")) }
            return placings.map { placed[$0.server] }
        }
    }

    /// Writes the place down, unless the server was deleted or placed meanwhile: then nil, and the reservation ends by itself.
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
        try await database.query(Self.unplacing(server, cell: cell, epoch: epoch, reason: reason))
    }

    /// The statement of `unplace`, for the applier's own transaction.
    static func unplacing(_ server: ServerID, cell: CellName, epoch: PlacementEpoch, reason: String) -> SQL {
        let attempt = PlacementLedger.Attempt(cell: cell, outcome: .refused, at: .now(), reason: reason)
        return """
            WITH freed AS (
                UPDATE compute.servers SET mapping = 'unplaced', cell = NULL, host = NULL, host_zone = NULL, progress = NULL,
                    done_through = 0, revision = 0, vm_state = 'building', power_state = 0, fault = NULL,
                    deleted_at = CASE WHEN last_verb = 'delete' THEN now() END
                WHERE id = \(server) AND cell = \(cell) AND epoch = \(epoch) AND launched_at IS NULL RETURNING id
            )
            UPDATE compute.server_actions a SET delivery = 'pending', state = NULL, message = NULL, started_at = NULL, finished_at = NULL,
                placement_steps = a.placement_steps || a.steps, steps = '[]',
                ledger = jsonb_set(coalesce(a.ledger, '{"attempts": []}'), '{attempts}',
                    coalesce(a.ledger -> 'attempts', '[]') || \(json: [attempt]))
            FROM freed f WHERE a.server = f.id AND a.number = 1
            """
    }

    /// No cell can take the server: the API cell's own verdict, with the whole ledger.
    func giveUp(_ server: ServerID, _ message: String, ledger: PlacementLedger, steps: [TraceStep]) async throws {
        try await database.query(
            """
            WITH judged AS (
                UPDATE compute.servers SET verdict = 'error', verdict_message = \(message), verdict_at = now()
                WHERE id = \(server) AND mapping = 'unplaced' AND deleted_at IS NULL AND verdict IS NULL RETURNING id, project
            ), told AS (
                INSERT INTO compute.events (kind, project, server, payload)
                SELECT 'compute.instance.create.error', project, id, jsonb_build_object('message', \(message)) FROM judged
            )
            UPDATE compute.server_actions a SET delivery = 'settled', state = 'failed', message = \(message), finished_at = now(),
                ledger = \(json: ledger), placement_steps = a.placement_steps || \(json: steps)
            FROM judged j WHERE a.server = j.id AND a.number = 1
            """)
    }

    /// Servers that a cell was building when it went silent, past their build deadline: ERROR until the cell's own word.
    func judgeSilent(_ cell: CellName, createdBefore: Timestamp) async throws {
        let message = "The region \(cell) went silent while building the server."
        try await database.query(
            """
            UPDATE compute.servers SET verdict = 'error', verdict_message = \(message), verdict_at = now()
            WHERE cell = \(cell) AND done_through = 0 AND vm_state = 'building' AND verdict IS NULL AND deleted_at IS NULL
                AND created_at < \(createdBefore)
            """)
    }

    /// Events are told for a day; a watcher that was away for longer starts from the lists.
    func forgetOldEvents() async throws {
        try await database.query("DELETE FROM compute.events WHERE at < now() - interval '1 day'")
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
