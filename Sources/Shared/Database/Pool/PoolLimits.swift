/// What a database client may use. Everything is bounded.
package struct PoolLimits: Sendable {
    /// Connections of the pool. More than the server has cores rarely helps; each costs the server a process of some megabytes.
    /// `listen`, `notify`, `heldLock` and `awaitedLock` use one each in addition.
    package var connections = 8
    /// Statements sent over one connection and not yet answered. Higher hides latency, but a slow one holds up those behind it.
    package var pipelineDepth = 32
    /// Statements under way on every open connection before another is opened.
    package var openAnotherAt = 2
    /// Callers waiting for a connection; one more is refused at once. Too high turns overload into timeouts everywhere.
    package var waiting = 1024
    /// How long a caller waits for a connection. Covers a quick restart of the server.
    package var acquireTimeout = Duration.seconds(5)
    package var connectTimeout = Duration.seconds(5)
    /// How long a statement may run; the server enforces it (`statement_timeout`).
    package var statementTimeout = Duration.seconds(10)
    /// How much later than that the client gives the connection up: the server must be stopped or unreachable.
    package var grace = Duration.seconds(1)
    /// Prepared statements kept per connection.
    package var statements = 256
    /// A connection unused for this long is closed, except one.
    package var idleLifetime = Duration.seconds(120)
    /// The pause before connecting again after the first failure; it doubles up to `longestPause`.
    package var shortestPause = Duration.milliseconds(50)
    package var longestPause = Duration.seconds(2)
    /// How often a transaction that lost against another (40001, 40P01) is tried in all.
    package var transactionAttempts = 6
    /// Shown in `pg_stat_activity` unless the conninfo says otherwise.
    package var applicationName = "meridian"

    package static let `default` = PoolLimits()
    package init() {}

    /// The default, with the number of connections and the timeout of a statement chosen.
    package init(connections: Int, statementTimeout: Duration = .seconds(10)) {
        self.connections = connections
        self.statementTimeout = statementTimeout
    }
}
