import ComputeRecords
package import Database
package import Logging
import Observability
import ServiceLifecycle

/// Wakes the SuperScheduler by `NOTIFY` on a connection of its own, after commits, coalesced: however many intents were accepted
/// while one notification was under way, one more follows. A lost one costs latency; the SuperScheduler also looks by itself.
package final class IntentNotifier: IntentSignal, Service {
    private let database: Database
    private let log: Logger
    private let wakeUps: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    package init(database: Database, logger: Logger) {
        self.database = database
        log = logger
        (wakeUps, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func newIntents() { wake.yield() }

    /// Runs until the program stops.
    package func run() async throws {
        for await _ in wakeUps.cancelOnGracefulShutdown() {
            do {
                try await database.notify(ComputeChannel.intents)
            } catch {
                log.warning("wake-up not sent", metadata: [.error: "\(error)"])
            }
        }
    }
}
