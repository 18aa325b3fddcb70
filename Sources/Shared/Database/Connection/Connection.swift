internal import CLibPQ
internal import Logging
internal import Synchronization

/// One connection to PostgreSQL, in pipeline mode. An actor whose executor is the poll thread, so that libpq is only ever called
/// from there; operations and socket events arrive there by themselves.
///
/// Operations are sent at once and answered in order. When the connection breaks, each waiting operation fails, `onClosed` is
/// called once, and the object is of no further use: whoever owns it makes another. When the process dies the server notices
/// the closed socket and rolls back.
actor Connection: PollHandler {
    enum Phase {
        case connecting
        case ready
        case closed(DatabaseError)
    }

    /// What the next results belong to.
    enum Expectation {
        case prepare(PreparedStatement, Operation)
        case execute(PreparedStatement, Operation)
        case sync(Operation)
        /// The answer to a `DEALLOCATE` nobody waits for, and the Sync after it.
        case deallocated
        case deallocateSync
        case script(Operation)
    }

    let settings: ConnectionSettings
    let onReady: @Sendable () -> Void
    let onClosed: @Sendable (DatabaseError) -> Void
    let onNotification: (@Sendable (_ channel: String, _ payload: String) -> Void)?

    nonisolated var unownedExecutor: UnownedSerialExecutor { PollThread.shared.asUnownedSerialExecutor() }

    var phase = Phase.connecting
    /// libpq's handle; nil before `open` and after `close`.
    var pg: OpaquePointer?
    var token: UInt64 = 0
    var socket: Int32 = -1
    var watched: UInt32 = 0

    /// Sent and not yet ended, oldest first: the server works on the first.
    var operations = FIFO<Operation>()
    var expectations = FIFO<Expectation>()
    /// The current expectation has had its result; the next NULL ends it.
    var hasResult = false
    /// Arrived while still connecting.
    var early: [Operation] = []
    var cache: StatementCache
    var lastHeard: Int64 = 0
    var connectDeadline: Int64 = .max
    /// When the timer that is set fires; `.max`: none is set.
    var timerAt: Int64 = .max
    /// A cancel request has gone out; it may arrive late and hit the statement after its own.
    var hasSentCancels = false
    /// Cancel requests on their way to the server. While there are some, a transaction of somebody else could be hit.
    let cancelsInFlight = Atomic<Int>(0)

    init(
        _ settings: ConnectionSettings, onReady: @escaping @Sendable () -> Void,
        onClosed: @escaping @Sendable (DatabaseError) -> Void,
        onNotification: (@Sendable (_ channel: String, _ payload: String) -> Void)? = nil
    ) {
        self.settings = settings
        self.onReady = onReady
        self.onClosed = onClosed
        self.onNotification = onNotification
        cache = StatementCache(limit: settings.statements)
    }

    // MARK: What owners call, from anywhere

    /// Starts connecting; `onReady` or `onClosed` follows.
    nonisolated func open() { PollThread.shared.submit(Step(connection: self) { $0.connect() }) }

    /// Ends the connection; what still waits fails with `reason`. `onClosed` follows unless it was closed already.
    nonisolated func close(_ reason: DatabaseError = .closed) {
        PollThread.shared.submit(Step(connection: self) { $0.fail(reason) })
    }

    nonisolated func query(_ sql: SQL, isAtomic: Bool = true, timeout: Duration? = nil) async throws -> Rows {
        let results = try await Operation(
            .one(sql), on: self, timeout: timeout ?? settings.statementTimeout, isAtomic: isAtomic)()
        return results.last ?? Rows(nil)
    }

    nonisolated func run(_ content: Operation.Content, isAtomic: Bool, isCancellable: Bool = true, timeout: Duration? = nil)
        async throws -> [Rows]
    {
        try await Operation(
            content, on: self, timeout: timeout ?? settings.statementTimeout, isCancellable: isCancellable,
            isAtomic: isAtomic)()
    }

    /// False while a cancel request may still hit whatever runs next.
    nonisolated var isSettled: Bool { cancelsInFlight.load(ordering: .acquiring) == 0 }

    // MARK: Events, on the poll thread

    nonisolated func ready(_ events: UInt32) { assumeIsolated { $0.socketReady(events) } }
    nonisolated func timerFired() { assumeIsolated { $0.checkDeadlines() } }

    private func socketReady(_ events: UInt32) {
        switch phase {
        case .connecting: continueConnecting()
        case .ready:
            if events & EPOLLOUT.rawValue != 0 { flush() }
            if events & ~EPOLLOUT.rawValue != 0 { receive() }
        case .closed: break
        }
    }

    // MARK: The end

    /// Closes the connection and fails whatever waits. Safe to call twice.
    func fail(_ error: DatabaseError) {
        if case .closed = phase { return }
        phase = .closed(error)
        PollThread.shared.unregister(token, socket: socket >= 0 ? socket : nil)
        if let pg { PQfinish(pg) }
        pg = nil
        expectations = FIFO()
        onClosed(error)  // before its callers learn of it, so that none is given this connection again
        for operation in operations.removeAll() {
            operation.fail(operation.cancelRequested ? CancellationError() : operation.error ?? error)
        }
        for operation in early { operation.fail(NotSent(cause: error)) }
        early = []
    }

    /// libpq's sentence about what went wrong last.
    var lastMessage: String {
        guard let pg, let text = PQerrorMessage(pg) else { return "The connection to PostgreSQL failed." }
        let message = String(cString: text)
        let trimmed = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        return trimmed.isEmpty ? "The connection to PostgreSQL was lost." : trimmed
    }

    private final class Step: PollWork {
        private let connection: Connection
        private let body: @Sendable (isolated Connection) -> Void

        init(connection: Connection, _ body: @escaping @Sendable (isolated Connection) -> Void) {
            self.connection = connection
            self.body = body
        }

        func runOnPollThread() { connection.assumeIsolated { body($0) } }
    }
}
