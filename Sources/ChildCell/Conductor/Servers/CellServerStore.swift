internal import CellProtocol
internal import CloudModel
internal import Database

/// The records of the cell's servers, in the cell's own database.
package struct CellServerStore: Sendable {
    package init() {}

    /// Makes whoever else wants to write a first record of these servers wait until we commit: a row that isn't there can't be locked.
    func lockNames(_ servers: Set<ServerID>, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            SELECT pg_advisory_xact_lock(key) FROM (
                SELECT hashtextextended(id::text, 1) AS key FROM unnest(\(servers.sorted())) AS id ORDER BY 1) AS keys
            """)
    }

    /// Locks the rows of these servers, in the order of their ids so that two transactions never wait for each other, and reads them.
    func lock(_ servers: Set<ServerID>, in transaction: Transaction) async throws -> [ServerID: ServerRecord] {
        let rows = try await transaction.query(
            "SELECT record FROM cell.servers WHERE id = ANY(\(servers.sorted())) ORDER BY id FOR UPDATE")
        let records = try rows.map { try $0.json("record", as: ServerRecord.self) }
        return Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) })
    }

    /// Writes records that were read under `lock` (or are new), each as one more revision, and tells the feed.
    func save(_ records: [ServerRecord], in transaction: Transaction) async throws {
        guard !records.isEmpty else { return }
        let rows = records.map { record in
            var record = record
            record.revision += 1
            return SavedRow(record)
        }
        try await transaction.query(
            """
            WITH given AS (
                SELECT * FROM jsonb_to_recordset(\(json: rows)) AS r(
                    id uuid, epoch bigint, host text, vm_state text, ordered bool, seeking bool, due bigint, record jsonb)
            ), saved AS (
                INSERT INTO cell.servers (id, epoch, host, vm_state, ordered, seeking, due, record)
                SELECT id, epoch, host, vm_state, ordered, seeking, 'epoch'::timestamptz + due * interval '1 microsecond', record
                FROM given
                ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, host = excluded.host, vm_state = excluded.vm_state,
                    ordered = excluded.ordered, seeking = excluded.seeking, due = excluded.due, record = excluded.record
                RETURNING id
            )
            INSERT INTO cell.feed_outbox (feed, kind, object) SELECT 'up', 'server', id::text FROM saved
            """)
    }

    /// The records of these servers as they are now, without a lock.
    func read(_ servers: [ServerID], in database: Database) async throws -> [ServerRecord] {
        try await database.query("SELECT record FROM cell.servers WHERE id = ANY(\(servers))")
            .map { try $0.json("record", as: ServerRecord.self) }
    }

    /// Every record whose host has to know of it, on these hosts.
    func ordered(on hosts: [HostName], in database: Database) async throws -> [ServerRecord] {
        try await database.query("SELECT record FROM cell.servers WHERE ordered AND host = ANY(\(hosts))")
            .map { try $0.json("record", as: ServerRecord.self) }
    }

    /// Servers for which time alone changes something by now.
    func due(at now: Timestamp, in database: Database) async throws -> Set<ServerID> {
        let rows = try await database.query("SELECT id FROM cell.servers WHERE due <= \(now) ORDER BY due LIMIT 500")
        return Set(try rows.map { try $0.get("id") as ServerID })
    }

    /// Servers whose last host failed and that wait for another.
    func seeking(in database: Database) async throws -> [ServerID] {
        try await database.query("SELECT id FROM cell.servers WHERE seeking LIMIT 500").map { try $0.get("id") }
    }

    /// Servers that were lost in a restore, and that a silent host may have. Few, and only after a restore: no index is worth it.
    func sought(in database: Database) async throws -> [ServerID] {
        try await database.query(
            "SELECT id FROM cell.servers WHERE record -> 'build' ? 'sought' AND vm_state <> 'deleted' AND NOT (record ? 'refused')"
        ).map { try $0.get("id") }
    }

    private struct SavedRow: Encodable, Sendable {
        let id: ServerID
        let epoch: PlacementEpoch
        let host: HostName?
        let vm_state: VMState
        let ordered: Bool
        let seeking: Bool
        let due: Timestamp?
        let record: ServerRecord

        init(_ record: ServerRecord) {
            id = record.id
            epoch = record.epoch
            host = record.host
            vm_state = record.vmState
            ordered = record.isOrdered
            seeking = record.isSeekingHost
            due = record.due
            self.record = record
        }
    }
}
