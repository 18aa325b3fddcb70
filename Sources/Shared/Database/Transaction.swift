internal import CloudModel

/// How much a transaction sees of others that commit meanwhile (manual, 13.2).
package enum Isolation: Sendable {
    case readCommitted, repeatableRead, serializable

    fileprivate var begin: SQL {
        switch self {
        case .readCommitted: "BEGIN"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

/// A transaction under way, on a connection nobody else uses. BEGIN travels with its first statement. Valid only inside the body
/// it was given to.
package struct Transaction: Sendable {
    fileprivate let state: TransactionState

    /// Runs one statement. After an error the transaction can only be rolled back: throw.
    @discardableResult
    package func query(_ sql: SQL) async throws -> Rows {
        try await state.run([sql]).last ?? Rows(nil)
    }

    /// Runs statements in one round trip; results in the same order.
    @discardableResult
    package func pipeline(_ statements: [SQL]) async throws -> [Rows] {
        guard !statements.isEmpty else { return [] }
        return try await state.run(statements)
    }

    /// Runs several statements, separated by semicolons, by the simple protocol; without parameters, for migrations.
    package func execute(script: String) async throws { try await state.runScript(script) }
}

extension Database {
    /// Runs `body` in a transaction on a connection of its own: commits when it returns, rolls back when it throws.
    ///
    /// When it lost against another transaction (40001, 40P01) the body is run again, up to `transactionAttempts` times in all: it
    /// must not change anything outside the database. When the connection is lost during COMMIT the error says so: whether it
    /// took effect is unknown. The body runs on the thread that serves all connections: it must not block, nor compute for long.
    @discardableResult
    package func transaction<R: Sendable>(
        _ isolation: Isolation = .readCommitted, retrying: Bool = true, _ body: @Sendable (Transaction) async throws -> R
    ) async throws -> R {
        var attempt = 1
        while true {
            do {
                // On the poll thread, which has the answers: each statement of a transaction waits for the one before, and would else
                // change threads twice.
                return try await withTaskExecutorPreference(DatabaseExecutor.shared) {
                    try await exclusively { connection in
                        try await attemptTransaction(isolation, on: connection, body)
                    }
                }
            } catch let lost as LostAgainstAnother {
                guard retrying, attempt < limits.transactionAttempts, !Task.isCancelled else { throw lost.thrown }
                // At once the first time; then the longer, the more often it lost, so that one of the rivals gets through.
                if attempt > 1 { await Timer.pause(for: .milliseconds(Int.random(in: 0...(1 << attempt)))) }
                attempt += 1
            }
        }
    }

    private func attemptTransaction<R: Sendable>(
        _ isolation: Isolation, on connection: Connection, _ body: @Sendable (Transaction) async throws -> R
    ) async throws -> R {
        let state = TransactionState(connection: connection, begin: isolation.begin)
        let result: R
        do {
            result = try await body(Transaction(state: state))
        } catch {
            await state.rollBack()
            if let notSent = state.notSent { throw notSent }
            if state.lostAgainstAnother { throw LostAgainstAnother(thrown: error) }
            throw error
        }
        do {
            try await state.commit()
        } catch let error as DatabaseError where error.isRetryable {
            throw LostAgainstAnother(thrown: error)
        }
        return result
    }
}

/// The body failed because another transaction won; `thrown` is what the body threw.
private struct LostAgainstAnother: Error {
    let thrown: any Error
}

/// What a transaction has done so far.
private final class TransactionState: Sendable {
    private enum Phase { case unbegun, begun, ended }

    private struct State {
        var phase = Phase.unbegun
        /// The first error of a statement: PostgreSQL refuses everything after it.
        var failure: DatabaseError?
        /// Not even BEGIN has gone out: the connection was dead already.
        var notSent: NotSent?
    }

    /// How long a ROLLBACK may take before the connection is closed instead, which does the same.
    private static let rollBackTimeout = Duration.seconds(2)

    private let connection: Connection
    private let begin: SQL
    private let state = Lock(State())

    init(connection: Connection, begin: SQL) {
        self.connection = connection
        self.begin = begin
    }

    var notSent: NotSent? { state.withLock { $0.notSent } }
    var lostAgainstAnother: Bool { state.withLock { $0.failure?.isRetryable ?? false } }

    func run(_ statements: [SQL]) async throws -> [Rows] {
        let beginsNow = try enter()
        let content: Operation.Content =
            beginsNow ? .several([begin] + statements) : statements.count == 1 ? .one(statements[0]) : .several(statements)
        let results = try await recordingFailure(beginsNow) { try await connection.run(content, isAtomic: false) }
        return beginsNow ? Array(results.dropFirst()) : results
    }

    func runScript(_ script: String) async throws {
        let beginsNow = try enter()
        if beginsNow {
            try await recordingFailure(true) { _ = try await connection.run(.one(begin), isAtomic: false) }
        }
        try await recordingFailure(false) {
            try await connection.runScript(script, timeout: Database.scriptTimeout)
        }
    }

    func commit() async throws {
        guard end() else { return }
        do {
            let results = try await connection.run(.one("COMMIT"), isAtomic: false, isCancellable: false)
            // After an error that the body swallowed, COMMIT rolls back and says so in its tag.
            if results.last?.tag == "ROLLBACK" {
                throw state.withLock { $0.failure }
                    ?? DatabaseError(.server, .inFailedTransaction, "The transaction was rolled back by the server.")
            }
        } catch var error as DatabaseError {
            if error.isConnectionLoss {
                error.detail = "The connection broke during COMMIT; whether it took effect is unknown."
            }
            throw error
        } catch let notSent as NotSent {
            throw notSent.cause
        }
    }

    /// Never throws because of the rollback itself: if that fails the connection is closed, and the server rolls back.
    func rollBack() async {
        guard end() else { return }
        do {
            _ = try await connection.run(
                .one("ROLLBACK"), isAtomic: false, isCancellable: false, timeout: Self.rollBackTimeout)
        } catch {
            connection.close()
        }
    }

    /// Says whether this statement must bring BEGIN along.
    private func enter() throws -> Bool {
        try state.withLock { state in
            switch state.phase {
            case .unbegun:
                state.phase = .begun
                return true
            case .begun: return false
            case .ended: throw DatabaseError.misuse("The transaction has ended; it is only valid inside its body.")
            }
        }
    }

    /// Says whether there is anything to commit or roll back.
    private func end() -> Bool {
        state.withLock { state in
            defer { state.phase = .ended }
            return state.phase == .begun
        }
    }

    private func recordingFailure<R>(_ isFirst: Bool, _ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let notSent as NotSent {
            if isFirst { state.withLock { $0.notSent = notSent } }
            throw notSent.cause
        } catch let error as DatabaseError {
            state.withLock { $0.failure = $0.failure ?? error }
            throw error
        }
    }
}
