package import Logging
internal import ServiceLifecycle

/// A PostgreSQL database as this process uses it: a pool of pipelined connections, and connections of their own for
/// `listen`, `notify`, `heldLock` and `awaitedLock`.
///
/// Connects when first used and again by itself after the server was away; queries work before `run()` too. A caller never waits
/// longer than the acquire timeout plus the statement timeout plus a second (`PoolLimits`), also when the server is stopped.
package final class Database: Service, Sendable {
    let settings: ConnectionSettings
    let limits: PoolLimits
    let pool: Pool
    let logger: Logger
    let notifier: Notifier
    let companions = Companions()

    package init(_ address: DatabaseAddress, pool limits: PoolLimits = .default, logger: Logger) {
        self.limits = limits
        self.logger = logger
        settings = ConnectionSettings(
            address: address, connectTimeout: limits.connectTimeout, statementTimeout: limits.statementTimeout,
            grace: limits.grace, statements: limits.statements, heartbeat: nil, applicationName: limits.applicationName,
            logger: logger)
        pool = Pool(settings, limits: limits)
        notifier = Notifier(settings, limits: limits)
    }

    /// Keeps the pool until the program is told to stop, then closes it.
    package func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Ends listening and locks, lets statements under way finish (at most the statement timeout) and closes every connection.
    package func close() async {
        companions.closeAll()
        async let notified: Void = notifier.close(patience: limits.statementTimeout)
        await pool.close(patience: limits.statementTimeout)
        await notified
    }

    /// Runs one statement, by itself, on a connection shared with others.
    ///
    /// Throws `DatabaseError`, or `CancellationError` when the task was cancelled: the statement is then cancelled on the server too,
    /// but may have taken effect before.
    @discardableResult
    package func query(_ sql: SQL) async throws -> Rows {
        try await onSharedConnection(.one(sql)).last ?? Rows(nil)
    }

    /// Runs statements in one round trip; all take effect or, when one fails, none. The cheapest transaction there is, for
    /// statements whose parameters don't depend on each other's results.
    @discardableResult
    package func pipeline(_ statements: [SQL]) async throws -> [Rows] {
        guard !statements.isEmpty else { return [] }
        return try await onSharedConnection(.several(statements))
    }

    private func onSharedConnection(_ content: Operation.Content) async throws -> [Rows] {
        var attempts = 0
        while true {
            attempts += 1
            let lease = try await pool.lease(.shared)
            do {
                defer { pool.release(lease) }
                return try await lease.connection.run(content, isAtomic: true)
            } catch let notSent as NotSent {
                // The connection died before the statement went out; each connection of the pool may have.
                guard attempts <= limits.connections else { throw notSent.cause }
            }
        }
    }

    /// Runs several statements, separated by semicolons, by the simple protocol; for migrations and tests. Without parameters, and
    /// atomic unless the script itself says BEGIN and COMMIT. May take ten minutes.
    package func execute(script: String) async throws {
        try await exclusively { connection in
            try await connection.runScript("SET statement_timeout = \(Self.scriptTimeout.milliseconds)")
            do {
                try await connection.runScript(script, timeout: Self.scriptTimeout)
                try await connection.runScript("RESET statement_timeout")
            } catch let notSent as NotSent {
                throw notSent.cause
            } catch {
                // ROLLBACK in case the script said BEGIN. The script's own error is the one to tell.
                do { try await connection.runScript("ROLLBACK; RESET statement_timeout") } catch { connection.close() }
                throw error
            }
        }
    }

    static let scriptTimeout = Duration.seconds(600)

    /// Lends a connection to `body` alone. When `body` throws `NotSent` nothing has reached the server, and it is run again.
    func exclusively<R>(_ body: (Connection) async throws -> R) async throws -> R {
        var attempts = 0
        while true {
            attempts += 1
            let lease = try await pool.lease(.exclusive)
            do {
                let result = try await body(lease.connection)
                pool.release(lease)
                return result
            } catch let notSent as NotSent {
                pool.release(lease)
                guard attempts <= limits.connections else { throw notSent.cause }
            } catch {
                if lease.connection.isSettled { pool.release(lease) } else { pool.discard(lease, .closed) }
                throw error
            }
        }
    }
}

extension Connection {
    nonisolated func runScript(_ text: String, timeout: Duration? = nil) async throws {
        _ = try await run(.script(text), isAtomic: false, timeout: timeout)
    }
}
