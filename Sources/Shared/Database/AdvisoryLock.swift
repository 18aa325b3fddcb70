internal import Logging

/// A session-level advisory lock, held by a connection of its own for as long as that lives.
///
/// When this process dies, or the connection breaks, the server releases it and another process may take it: whoever holds one
/// waits for `lost()` beside its work and stops then. A server that does not answer counts as lost after two heartbeats, so
/// the holder stops before anybody else can have it.
package final class AdvisoryLock: Sendable {
    package let key: Int64
    private let connection: Connection
    private let ending: Ending

    init(key: Int64, connection: Connection, ending: Ending) {
        self.key = key
        self.connection = connection
        self.ending = ending
    }

    deinit { connection.close() }

    /// False once the lock was released or its connection lost.
    package var isHeld: Bool { !ending.hasEnded }

    /// Returns when the lock is no longer held, or when the task is cancelled.
    package func lost() async { await ending.wait() }

    /// Gives the lock back, by closing its connection.
    package func release() async {
        connection.close()
        await ending.waitUncancelled()
    }
}

extension Database {
    /// Takes the lock if nobody holds it; nil when somebody does.
    package func heldLock(_ key: Int64) async throws -> AdvisoryLock? {
        try await lock(key) { connection, lock in
            let isTaken: Bool = try await connection.query("SELECT pg_try_advisory_lock(\(key))", isAtomic: false)[0].get(at: 0)
            return isTaken ? lock : nil
        }
    }

    /// Waits in the server until the lock is free, and takes it; whoever waits has it within a moment of its release. Ends at once when the
    /// task is cancelled, and leaves no session waiting. `patience`: how long one statement waits before the next does. While one waits,
    /// what was deleted since it began isn't vacuumed away, and the server writes a line when it ends.
    package func awaitedLock(_ key: Int64, patience: Duration = .seconds(30)) async throws -> AdvisoryLock {
        let wait = "SELECT pg_advisory_lock(\(key))" as SQL
        return try await lock(key) { connection, lock in
            _ = try await connection.query(SQL(unsafe: "SET statement_timeout = \(patience.milliseconds)"), isAtomic: false)
            while true {
                do {
                    _ = try await connection.query(wait, isAtomic: false, timeout: patience)
                    break
                } catch let error as DatabaseError where error.kind == .server && error.sqlState == .queryCanceled {
                    try Task.checkCancellation()
                }
            }
            // Signs of life are asked for with the connection's own patience again.
            _ = try await connection.query("RESET statement_timeout", isAtomic: false)
            return lock
        }
    }

    /// Opens a connection of its own for the lock that `take` takes on it. It closes with the lock, and so where `take` keeps none.
    private func lock<Taken>(_ key: Int64, _ take: (Connection, AdvisoryLock) async throws -> Taken) async throws -> Taken {
        let ending = Ending()
        let connection = Connection(
            companionSettings("lock"), onReady: {},
            onClosed: { [logger] error in
                if error.kind != .closed {
                    logger.warning("advisory lock lost", metadata: ["key": "\(key)", "error": "\(error)"])
                }
                ending.end()
            })
        connection.open()
        companions.add(connection, until: ending)
        do {
            return try await take(connection, AdvisoryLock(key: key, connection: connection, ending: ending))
        } catch let notSent as NotSent {
            throw notSent.cause
        }
    }

    /// For connections that are mostly silent: they ask for signs of life, and so does the server, which would else keep the lock of a machine
    /// that vanished for hours.
    func companionSettings(_ purpose: String) -> ConnectionSettings {
        var settings = settings
        settings.applicationName = "\(limits.applicationName) \(purpose)"
        settings.heartbeat = .seconds(2)
        settings.isWatchedByServer = true
        settings.statementTimeout = min(settings.statementTimeout, .seconds(2))
        settings.connectTimeout = min(settings.connectTimeout, .seconds(5))
        return settings
    }
}
