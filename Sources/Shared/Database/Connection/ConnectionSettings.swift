internal import Foundation
internal import Logging

/// Where a database is and as whom to talk to it.
package struct DatabaseAddress: Sendable {
    /// As libpq takes it: `host=… dbname=… user=…` or `postgresql://…` (manual, 34.1.1). Hosts are best given as addresses or socket
    /// directories: looking a name up would hold up every connection of the process.
    let conninfo: String

    /// Another database of the same server; nil: the one `conninfo` names.
    let database: String?

    package init(conninfo: String, database: String? = nil) {
        self.conninfo = conninfo
        self.database = database
    }

    /// Reads a conninfo from a file. Refuses one that others than its owner may read, because it holds a password.
    package init(file path: String) throws {
        let text: String
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            if let mode = attributes[.posixPermissions] as? Int, mode & 0o077 != 0 {
                throw DatabaseError.misuse("\(path) may be read by others; its mode must be 0600.")
            }
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch let error as DatabaseError {
            throw error
        } catch {
            throw DatabaseError.misuse(
                "\(path), which should hold a libpq conninfo, cannot be read: \(error.localizedDescription)")
        }
        conninfo = text.trimmingCharacters(in: .whitespacesAndNewlines)
        database = nil
    }
}

/// What a connection is for, and what it may cost.
struct ConnectionSettings: Sendable {
    let address: DatabaseAddress
    var connectTimeout: Duration
    var statementTimeout: Duration
    /// How much longer than the server we wait, so that normally the server's clearer error arrives.
    var grace: Duration
    var statements: Int
    /// Ask an idle connection for a sign of life this often; nil for pooled ones, whose next statement finds out.
    var heartbeat: Duration?
    /// The server asks a silent client for a sign of life too, and ends the session of one whose machine is gone.
    var isWatchedByServer = false
    /// The role shown in `pg_stat_activity`.
    var applicationName: String
    let logger: Logger

    /// What the server is to do with the session: end what exceeds the timeout itself; and, watching its client, ask after 5 s of silence,
    /// again every 2 s, end it after 3 questions without an answer, or when what was sent has waited 10 s (10,000 ms) to be acknowledged.
    /// On Unix sockets, whose other end can't vanish, PostgreSQL ignores the last four.
    var ofServer: [String] {
        [
            "statement_timeout=\(statementTimeout.milliseconds)",
            "idle_in_transaction_session_timeout=\(6 * statementTimeout.milliseconds)",
        ]
            + (isWatchedByServer
                ? ["tcp_keepalives_idle=5", "tcp_keepalives_interval=2", "tcp_keepalives_count=3", "tcp_user_timeout=10000"]
                : [])
    }
}
