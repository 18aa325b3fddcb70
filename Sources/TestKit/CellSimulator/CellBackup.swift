internal import Database

/// A copy of a cell's database, as an operator's backup has it: what was committed in one moment.
package struct CellBackup: Sendable {
    fileprivate let tables: [(name: String, rows: String)]
}

extension SimulatedCell {
    /// Copies the cell's database.
    package func backup() async throws -> CellBackup {
        try await database.transaction(.repeatableRead) { transaction in
            // Hosts first: claims name them.
            let names = try await transaction.query(
                """
                SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'cell' AND table_name <> 'migrations'
                ORDER BY table_name <> 'hosts', 1
                """
            ).map { try $0.get("name") as String }
            var tables: [(String, String)] = []
            for name in names {
                let rows = try await transaction.query(
                    "SELECT coalesce(jsonb_agg(t), '[]')::text AS rows FROM cell.\(unsafe: name) t")
                tables.append((name, try rows.first?.get("rows") ?? "[]"))
            }
            return CellBackup(tables: tables)
        }
    }

    /// Puts the cell's database back to what it was. The conductor must be dead, as an operator's procedure says.
    package func restore(_ backup: CellBackup) async throws {
        try await database.transaction { transaction in
            let names = backup.tables.map { "cell.\($0.name)" }.joined(separator: ", ")
            try await transaction.query("TRUNCATE \(unsafe: names)")
            for table in backup.tables {
                try await transaction.query(
                    """
                    INSERT INTO cell.\(unsafe: table.name) OVERRIDING SYSTEM VALUE
                    SELECT * FROM jsonb_populate_recordset(NULL::cell.\(unsafe: table.name), \(jsonText: table.rows))
                    """)
            }
        }
    }

    /// Empties it, as if there had been no backup but the newly made tables.
    package func loseDatabase() async throws {
        try await database.execute(
            script: """
                TRUNCATE cell.claims, cell.hosts, cell.servers, cell.strangers, cell.feed_outbox, cell.feed_heads, cell.feed_objects,
                    cell.feed_marks, cell.feed_cursors;
                UPDATE cell.standing SET highest_epoch = 0, recovering = NULL;
                """)
    }
}
