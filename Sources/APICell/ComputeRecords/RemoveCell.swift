package import CloudModel
package import Database

/// Takes a child cell out of the API cell's records for good: its key, its row, its hosts, its feeds. In the caller's transaction.
///
/// The running super-scheduler notices within a second that the row is gone, and forgets the cell; its key lets nobody in any more.
package struct RemoveCell: Sendable {
    package let cell: CellName

    package init(_ cell: CellName) { self.cell = cell }

    /// How many servers the cell has.
    package func servers(in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            "SELECT count(*) AS n FROM compute.servers WHERE cell = \(cell) AND deleted_at IS NULL")
        return try rows.first?.get("n") ?? 0
    }

    /// When the cell was last in contact with the super-scheduler; nil: never, as far as is known.
    package func lastContact(in transaction: Transaction) async throws -> Timestamp? {
        try await transaction.query("SELECT last_contact FROM compute.cell_contacts WHERE cell = \(cell)").first?.get(
            "last_contact")
    }

    /// Removes it; returns a line for everything that was there.
    ///
    /// - Parameter abandoning: Servers that the cell still has end as deleted, and their open actions as failed: nobody is left who
    ///   could delete them, or say what became of their guests.
    package func callAsFunction(abandoning: Bool, in transaction: Transaction) async throws -> [String] {
        var removed: [String] = []
        if abandoning { removed += try await abandonServers(in: transaction) }
        try await transaction.query("DELETE FROM compute.enrolment_tokens WHERE cell = \(cell)")
        if try await transaction.query("DELETE FROM compute.cell_keys WHERE cell = \(cell)").affected > 0 {
            removed.append("key of \(cell)")
        }
        let hosts = try await transaction.query("DELETE FROM compute.hosts WHERE cell = \(cell)").affected
        if hosts > 0 { removed.append("\(hosts) hosts of \(cell)") }
        if try await transaction.query("DELETE FROM compute.cells WHERE name = \(cell)").affected > 0 {
            removed.append("cell \(cell)")
        }
        try await transaction.query("DELETE FROM compute.cell_contacts WHERE cell = \(cell)")
        try await transaction.query("UPDATE compute.server_groups SET cell = NULL WHERE cell = \(cell)")
        if try await forgetFeeds(in: transaction) { removed.append("feeds of \(cell)") }
        return removed
    }

    private func abandonServers(in transaction: Transaction) async throws -> [String] {
        let message = "The region \(cell) was removed."
        let servers = try await transaction.query(
            """
            UPDATE compute.servers SET vm_state = 'deleted', power_state = 0, progress = NULL, terminated_at = now(), deleted_at = now()
            WHERE cell = \(cell) AND deleted_at IS NULL
            """
        ).affected
        guard servers > 0 else { return [] }
        try await transaction.query(
            """
            UPDATE compute.server_actions a SET delivery = 'settled', state = 'failed', message = \(message), finished_at = now()
            FROM compute.servers s WHERE s.id = a.server AND s.cell = \(cell) AND a.delivery <> 'settled'
            """)
        return ["\(servers) servers of \(cell)"]
    }

    /// Positions, marks and what was not told yet, of both directions.
    private func forgetFeeds(in transaction: Transaction) async throws -> Bool {
        let feeds = ["up/\(cell)", "down/\(cell)"]
        var found = 0
        for table in ["feed_outbox", "feed_objects", "feed_marks", "feed_heads", "feed_cursors"] {
            found += try await transaction.query("DELETE FROM compute.\(unsafe: table) WHERE feed = ANY(\(feeds))").affected
        }
        return found > 0
    }
}
