internal import CellProtocol
internal import CloudModel
internal import ComputeRecords
internal import Database
internal import Foundation

/// A server that no cell has yet.
struct UnplacedCreate: Sendable {
    let server: ServerID
    let project: ProjectID
    let spec: ServerSpec
    let homeRegion: CellName?
    let pinnedCell: CellName?
    let createdAt: Timestamp
    let intent: IntentID
    let request: RequestID?
    let deadline: Timestamp?
    let ledger: PlacementLedger

    /// Cells that took it and gave it back.
    var refusedBy: Set<CellName> { Set(ledger.attempts.filter { $0.outcome == .refused }.map(\.cell)) }
}

/// Finds the servers that no cell has: a project with a thousand of them doesn't make one with a single server wait.
struct UnplacedCreates: Sendable {
    /// Larger batches hold their first member up; smaller ones share fewer commits.
    static let batch = 64

    let database: Database

    /// The next servers to place, one of each project in turn, without those that are being placed.
    ///
    /// In steps that each read their table once, whatever the planner thinks of its size: a statement that was planned while a young
    /// cloud's tables were empty would else join by scanning one table for each row of the other.
    func next(excluding inFlight: Set<ServerID>) async throws -> [UnplacedCreate] {
        let rows = try await database.query(
            """
            WITH waiting AS MATERIALIZED (
                SELECT id, created_at, row_number() OVER (PARTITION BY project ORDER BY created_at, id) AS turn
                FROM compute.servers
                WHERE mapping = 'unplaced' AND verdict IS NULL AND deleted_at IS NULL AND last_verb = 'create'
                    AND id <> ALL(\(Array(inFlight)))
                ORDER BY turn, created_at LIMIT \(Int64(Self.batch))
            ), server AS MATERIALIZED (
                SELECT id, project, spec, home_region, group_id, created_at FROM compute.servers
                WHERE id = ANY(ARRAY(SELECT id FROM waiting))
            ), action AS MATERIALIZED (
                SELECT server, intent, request, deadline, ledger FROM compute.server_actions
                WHERE server = ANY(ARRAY(SELECT id FROM waiting)) AND number = 1
            )
            SELECT s.id, s.project, s.spec, s.home_region, g.cell AS pinned, s.created_at, a.intent, a.request, a.deadline, a.ledger
            FROM waiting AS w JOIN server AS s ON s.id = w.id JOIN action AS a ON a.server = w.id
            LEFT JOIN compute.server_groups g ON g.id = s.group_id AND g.policy = 'affinity'
            ORDER BY w.turn, w.created_at
            """)
        return try rows.map { row in
            try UnplacedCreate(
                server: row.get("id"), project: row.get("project"), spec: row.json("spec"), homeRegion: row.get("home_region"),
                pinnedCell: row.get("pinned"), createdAt: row.get("created_at"), intent: row.get("intent"),
                request: row.get("request"),
                deadline: row.get("deadline"), ledger: row.json("ledger", as: PlacementLedger?.self) ?? PlacementLedger())
        }
    }
}
