internal import Synchronization

/// One request to a connection: statements sent together and ended by one Sync, or a script.
///
/// Statements of one operation outside BEGIN … COMMIT are one implicit transaction: all take effect or none (manual, 34.5.1).
/// After `submit` all state belongs to the poll thread.
final class Operation: PollWork, @unchecked Sendable {
    enum Content {
        case one(SQL)
        case several([SQL])
        case script(String)
    }

    typealias Continuation = UnsafeContinuation<[Rows], any Error>

    let content: Content
    /// How long the server may take. The connection is given up a little later (`PoolLimits.grace`).
    let timeout: Duration
    /// False for BEGIN, COMMIT and ROLLBACK, which must end in a known state.
    let isCancellable: Bool
    /// True when nothing of it remains after an error, so that a statement hit by another's cancel may be sent again.
    let isAtomic: Bool

    private let connection: Connection
    private var finish: (@Sendable (Result<[Rows], any Error>) -> Void)?
    private var continuation: Continuation?

    /// Orders the results before their use in a way ThreadSanitizer can see; resuming a task does too, but unseen by it.
    private let isOver = Atomic<Bool>(false)

    var results: [Rows] = []
    var error: DatabaseError?
    /// Monotonic nanoseconds; when the caller stops waiting.
    var deadline: Int64 = .max
    /// When the server started on it: when it was sent, or the one before it ended.
    var startedAt: Int64 = 0
    var cancelRequested = false
    /// Our cancel request may have reached the server while this one ran.
    var cancelSent = false
    /// Its caller has stopped waiting; what still comes is thrown away.
    var isAbandoned = false
    var retries = 0
    /// The statements it prepared or used, to be forgotten when they turn out stale.
    var usesStaleStatement = false

    init(
        _ content: Content, on connection: Connection, timeout: Duration, isCancellable: Bool = true, isAtomic: Bool
    ) {
        self.content = content
        self.connection = connection
        self.timeout = timeout
        self.isCancellable = isCancellable
        self.isAtomic = isAtomic
    }

    /// Sends it and waits for its end.
    func callAsFunction() async throws -> [Rows] {
        guard isCancellable else { return try await submitAndWait() }
        return try await withTaskCancellationHandler {
            try await submitAndWait()
        } onCancel: {
            PollThread.shared.submit(CancelRequest(operation: self, connection: connection))
        }
    }

    /// Sends it; `finish` is called with its end, on the poll thread.
    func begin(_ finish: @escaping @Sendable (Result<[Rows], any Error>) -> Void) {
        self.finish = finish
        PollThread.shared.submit(self)
    }

    private func submitAndWait() async throws -> [Rows] {
        let results = try await withUnsafeThrowingContinuation { continuation in
            self.continuation = continuation
            PollThread.shared.submit(self)
        }
        _ = isOver.load(ordering: .acquiring)
        return results
    }

    func runOnPollThread() { connection.assumeIsolated { $0.start(self) } }

    /// True while somebody waits for it.
    var isWaitedFor: Bool { continuation != nil || finish != nil }

    func succeed() { end(.success(results)) }
    func fail(_ error: any Error) { end(.failure(error)) }

    private func end(_ result: Result<[Rows], any Error>) {
        isOver.store(true, ordering: .releasing)
        continuation?.resume(with: result)
        continuation = nil
        finish?(result)
        finish = nil
    }
}

/// A cancelled task's wish to stop its operation, brought to the poll thread.
private final class CancelRequest: PollWork {
    private let operation: Operation
    private let connection: Connection

    init(operation: Operation, connection: Connection) {
        self.operation = operation
        self.connection = connection
    }

    func runOnPollThread() { connection.assumeIsolated { $0.cancel(operation) } }
}

/// Thrown, inside this module only, when a connection was closed before a statement was sent over it: it may go elsewhere.
struct NotSent: Error {
    let cause: DatabaseError
}
