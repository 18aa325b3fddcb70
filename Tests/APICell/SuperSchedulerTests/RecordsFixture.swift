import CellProtocol
import CloudModel
import CloudTestKit
import ComputeRecords
import Database
import Testing

@testable import SuperScheduler

/// The rows in which the super-scheduler works, on a real database, with a Nova and cells that only write rows.
struct RecordsFixture: Sendable {
    let database: Database
    let store: PlacementStore
    let feeds: FeedApplier
    /// Rung with every batch that had events.
    let told: SharedBell

    static func with(_ body: (RecordsFixture) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            for cell in ["london", "tunis"] { try await database.query("INSERT INTO compute.cells (name) VALUES (\(cell))") }
            let told = SharedBell()
            try await body(
                RecordsFixture(
                    database: database, store: PlacementStore(database: database),
                    feeds: FeedApplier(database: database, told: { told.ring() }, log: .silent), told: told))
        }
    }

    // MARK: What Nova would write

    func create(in group: ServerGroupID? = nil, createdAt: Timestamp = .now()) async throws -> ServerID {
        let server = ServerID.random()
        let spec = ServerSpec(
            name: "s", hostname: "s", project: "p1", user: "u1",
            flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 128, disk: 1), image: nil)
        try await database.query(
            """
            INSERT INTO compute.servers (id, project, user_id, name, spec, flavor_id, vcpus, ram, group_id, reservation_id, created_at, updated_at)
            VALUES (\(server), 'p1', 'u1', 's', \(json: spec), '1', 1, 128, \(group), 'r-1', \(createdAt), \(createdAt))
            """)
        try await act(.create, on: server, number: 1)
        return server
    }

    @discardableResult
    func act(_ verb: Verb, on server: ServerID, number: Int) async throws -> IntentID {
        let intent = IntentID.random()
        try await database.query(
            """
            INSERT INTO compute.server_actions (server, number, intent, verb, project, user_id, created_at)
            VALUES (\(server), \(Int64(number))::int, \(intent), \(verb), 'p1', 'u1', now())
            """)
        try await database.query(
            "UPDATE compute.servers SET last_action = \(Int64(number))::int, last_verb = \(verb) WHERE id = \(server)")
        return intent
    }

    func affinityGroup(in cell: String? = nil) async throws -> ServerGroupID {
        let group = ServerGroupID.random()
        try await database.query(
            """
            INSERT INTO compute.server_groups (id, project, user_id, name, policy, cell)
            VALUES (\(group), 'p1', 'u1', 'together', 'affinity', \(cell))
            """)
        return group
    }

    // MARK: What the super-scheduler and the cells would do

    func placing(_ server: ServerID, in cell: CellName, _ epoch: PlacementEpoch) -> PlacementStore.Placing {
        PlacementStore.Placing(server: server, cell: cell, epoch: epoch, ledger: PlacementLedger(), steps: [])
    }

    @discardableResult
    func place(_ server: ServerID, in cell: CellName) async throws -> PlacementEpoch {
        let epoch = try #require(try await store.epochs(1).first)
        _ = try #require(try await store.place(placing(server, in: cell, epoch)))
        return epoch
    }

    func report(
        _ server: ServerID, _ epoch: PlacementEpoch, revision: Int64 = 1, doneThrough: Int = 1, _ state: VMState
    ) -> ServerReport {
        ServerReport(
            server: server, epoch: epoch, revision: revision, doneThrough: doneThrough, progress: nil, vmState: state,
            powerState: .running, host: "compute-1.tunis", zone: "tunis", instanceName: "instance-1", launchedAt: .now(),
            terminatedAt: nil, updatedAt: .now(), fault: nil, refused: nil)
    }

    /// The cell's next batch.
    func tell(_ changes: [FeedChange], from cell: CellName = "tunis") async throws {
        let stands = try await feeds(FeedBatch(from: FeedPosition(number: -1, mark: 0), to: .start, changes: []), from: cell)
        let next = FeedPosition(number: stands.number + 1, mark: 7)
        #expect(try await feeds(FeedBatch(from: stands, to: next, changes: changes), from: cell) == next)
    }

    // MARK: What is there

    /// `delivery state` of each action of a server.
    func actions(of server: ServerID) async throws -> [String] {
        try await database.query(
            """
            SELECT delivery || ' ' || coalesce(state, '-') AS shown FROM compute.server_actions
            WHERE server = \(server) ORDER BY number
            """
        ).map { try $0.get("shown") }
    }

    func events() async throws -> [String] {
        try await database.query("SELECT kind FROM compute.events ORDER BY number").map { try $0.get("kind") }
    }

    func text(_ column: String, of server: ServerID) async throws -> String? {
        try await database.query("SELECT \(unsafe: column)::text AS value FROM compute.servers WHERE id = \(server)").first?
            .get("value")
    }

    func pin(of group: ServerGroupID) async throws -> String? {
        try await database.query("SELECT cell FROM compute.server_groups WHERE id = \(group)").first?.get("cell")
    }
}
