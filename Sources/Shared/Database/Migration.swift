internal import Logging

/// One change of a schema. Its name says what it does and never changes once released; it is known by it.
package struct Migration: Sendable {
    package let name: String
    package let sql: String

    /// `sql` may be several statements; it runs in a transaction, so nothing in it may say BEGIN or COMMIT.
    package init(_ name: String, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

extension Database {
    /// Brings a schema up to date: runs, in order, each migration that `<schema>.migrations` does not list yet, each in a transaction
    /// with its entry. Creates the schema. Any number of processes may call it at once; an advisory lock lets one after the
    /// other through, and the later ones find nothing to do.
    package func migrate(_ migrations: [Migration], schema: String) async throws {
        guard Set(migrations.map(\.name)).count == migrations.count else {
            throw DatabaseError.misuse("Two migrations of \(schema) have the same name.")
        }
        try await prepareMigrations(schema)
        for migration in migrations {
            let isNew = try await transaction { transaction in
                try await enterMigrations(schema, transaction)
                let name = migration.name
                let entered = try await transaction.query(
                    """
                    INSERT INTO \(unsafe: quoted(schema)).migrations (name) VALUES (\(name))
                    ON CONFLICT (name) DO NOTHING
                    """)
                guard entered.affected == 1 else { return false }
                try await transaction.execute(script: migration.sql)
                return true
            }
            if isNew {
                logger.info("migration applied", metadata: ["schema": "\(schema)", "migration": "\(migration.name)"])
            }
        }
    }

    /// The names of the migrations a schema has, in the order they were applied; none when the schema is unknown.
    package func appliedMigrations(schema: String) async throws -> [String] {
        let known = try await query("SELECT to_regclass(\(quoted(schema) + ".migrations")) IS NOT NULL AS known")
        guard try known[0].get(at: 0) as Bool else { return [] }
        return try await query("SELECT name FROM \(unsafe: quoted(schema)).migrations ORDER BY applied_at, name").map {
            try $0.get(at: 0)
        }
    }

    private func prepareMigrations(_ schema: String) async throws {
        try await transaction { transaction in
            try await enterMigrations(schema, transaction)
            try await transaction.execute(
                script: """
                    CREATE SCHEMA IF NOT EXISTS \(quoted(schema));
                    CREATE TABLE IF NOT EXISTS \(quoted(schema)).migrations (
                        name text PRIMARY KEY,
                        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
                    );
                    """)
        }
    }

    /// One process at a time: waits for the lock as long as a migration may take, not as long as a statement may.
    private func enterMigrations(_ schema: String, _ transaction: Transaction) async throws {
        try await transaction.execute(
            script: """
                SET LOCAL statement_timeout = \(Self.scriptTimeout.milliseconds);
                SET LOCAL client_min_messages = warning;
                SELECT pg_advisory_xact_lock(hashtextextended('meridian migrations of \(schema)', 0));
                """)
    }
}

/// An SQL identifier in quotes.
func quoted(_ identifier: String) -> String {
    "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
}
