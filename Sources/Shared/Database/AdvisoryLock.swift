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
    /// Takes the lock if nobody holds it; nil when somebody does. Try again later: whoever waits for a lock of a process that is
    /// stopped waits as long as that is.
    package func heldLock(_ key: Int64) async throws -> AdvisoryLock? {
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
            let rows = try await connection.query("SELECT pg_try_advisory_lock(\(key))", isAtomic: false)
            if try rows[0].get(at: 0) as Bool { return AdvisoryLock(key: key, connection: connection, ending: ending) }
            connection.close()
            return nil
        } catch let notSent as NotSent {
            throw notSent.cause
        } catch {
            connection.close()
            throw error
        }
    }

    /// For connections that are mostly silent: they ask for signs of life.
    func companionSettings(_ purpose: String) -> ConnectionSettings {
        var settings = settings
        settings.applicationName = "\(limits.applicationName) \(purpose)"
        settings.heartbeat = .seconds(2)
        settings.statementTimeout = min(settings.statementTimeout, .seconds(2))
        settings.connectTimeout = min(settings.connectTimeout, .seconds(5))
        return settings
    }
}
