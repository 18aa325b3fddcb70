internal import CloudModel
internal import Database

/// What happened, for `event watch`. The database lets one writer after the other through, until it has committed: write last in a
/// transaction, when the rows of servers are locked already.
struct EventLog: Sendable {
    let database: Database

    /// Nil when there are none.
    static func writing(_ events: [CloudEvent]) -> SQL? {
        guard !events.isEmpty else { return nil }
        return """
            INSERT INTO compute.events (kind, project, server, cell, payload)
            SELECT kind, project, server, cell, payload FROM jsonb_to_recordset(\(json: events)) AS r(
                kind text, project text, server uuid, cell text, payload jsonb)
            """
    }

    static func write(_ events: [CloudEvent], in transaction: Transaction) async throws {
        if let writing = writing(events) { try await transaction.query(writing) }
    }

    /// A cell went silent, or is back; unless that is what was told of it last, by this super-scheduler or by one before it.
    func tell(_ cell: CellName, isSilent: Bool) async throws {
        let kind = isSilent ? "cell.silent" : "cell.up"
        try await database.query(
            """
            INSERT INTO compute.events (kind, cell)
            SELECT \(kind), \(cell) WHERE \(kind) IS DISTINCT FROM (
                SELECT kind FROM compute.events WHERE cell = \(cell) AND kind IN ('cell.silent', 'cell.up') ORDER BY number DESC LIMIT 1)
            """)
    }

    /// Events are told for a day; a watcher that was away for longer starts from the lists.
    func forgetOld() async throws {
        try await database.query(
            """
            WITH gone AS (DELETE FROM compute.events WHERE at < now() - interval '1 day' RETURNING number)
            UPDATE compute.events_forgotten SET through = greatest(through, (SELECT max(number) FROM gone))
            WHERE EXISTS (SELECT 1 FROM gone)
            """)
    }
}
