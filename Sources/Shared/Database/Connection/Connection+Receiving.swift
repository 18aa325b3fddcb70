internal import CLibPQ

extension Connection {
    /// Reads what has arrived and hands results out in order.
    func receive() {
        guard let pg else { return }
        let alive = PQconsumeInput(pg) == 1
        lastHeard = PollThread.now()
        handOutResults()
        guard self.pg != nil else { return }
        handOutNotifications()
        if !alive || PQstatus(pg) == CONNECTION_BAD { return fail(.connectionLost(lastMessage)) }
        flush()
    }

    private func handOutResults() {
        var emptyInARow = 0
        while let pg, !expectations.isEmpty, emptyInARow < 2, PQisBusy(pg) == 0 {
            guard let result = PQgetResult(pg) else {
                emptyInARow += 1
                if hasResult { expectationEnded() }
                continue
            }
            emptyInARow = 0
            take(result)
        }
    }

    /// One result of the current expectation. Takes ownership of `result`.
    private func take(_ result: OpaquePointer) {
        let status = PQresultStatus(result)
        switch expectations.first {
        case .prepare(let statement, let operation):
            hasResult = true
            if let error = failure(of: result, status) {
                operation.error = operation.error ?? error
                statement.failure = operation.error
                cache.forget(statement, deallocating: false)
            }
            PQclear(result)
        case .execute(let statement, let operation):
            hasResult = true
            if let error = failure(of: result, status) {
                PQclear(result)
                executionFailed(error, statement, operation)
            } else {
                operation.results.append(Rows(ResultSet(taking: result, columns: columns(of: statement, result))))
            }
        case .script(let operation):
            hasResult = true
            if let error = failure(of: result, status) {
                operation.error = operation.error ?? error
                PQclear(result)
            } else {
                operation.results.append(Rows(ResultSet(taking: result, columns: Columns(of: result))))
            }
        case .deallocated:
            hasResult = true
            PQclear(result)
        case .sync(let operation):
            PQclear(result)
            guard status == PGRES_PIPELINE_SYNC else { return }
            _ = expectations.popFirst()
            ended(operation)
        case .deallocateSync:
            PQclear(result)
            if status == PGRES_PIPELINE_SYNC { _ = expectations.popFirst() }
        case nil:
            PQclear(result)
        }
    }

    /// NULL after a result: the current expectation is over.
    private func expectationEnded() {
        hasResult = false
        guard case .script(let operation) = expectations.popFirst() else { return }
        guard PQenterPipelineMode(pg) == 1 else { return fail(.connectionLost(lastMessage)) }
        ended(operation)
    }

    private func executionFailed(_ error: DatabaseError, _ statement: PreparedStatement, _ operation: Operation) {
        switch error.sqlState {
        case .invalidStatementName:
            operation.error = operation.error ?? statement.failure ?? error
            operation.usesStaleStatement = statement.failure == nil
            cache.forget(statement, deallocating: false)
        case .featureNotSupported where error.message.contains("cached plan"):
            // "cached plan must not change result type": a migration altered the table since.
            operation.error = operation.error ?? error
            operation.usesStaleStatement = true
            cache.forget(statement, deallocating: true)
        default: operation.error = operation.error ?? error
        }
    }

    private func columns(of statement: PreparedStatement, _ result: OpaquePointer) -> Columns {
        if let known = statement.columns, known.describe(result) { return known }
        let columns = Columns(of: result)
        statement.columns = columns
        return columns
    }

    /// The operation's last answer has arrived.
    private func ended(_ operation: Operation) {
        _ = operations.popFirst()
        let now = PollThread.now()
        defer { headChanged(now) }
        guard let error = operation.error else { return operation.succeed() }
        if mayBeSentAgain(operation, after: error) {
            operation.retries += 1
            operation.error = nil
            operation.results = []
            operation.usesStaleStatement = false
            return start(operation)
        }
        if operation.cancelRequested, error.sqlState == .queryCanceled { return operation.fail(CancellationError()) }
        var told = error
        told.wasBystander = wasBystander(operation, of: error)
        operation.fail(told)
    }

    /// Several cancelled tasks in a row may each hit the same bystander; more than this would be somebody cancelling by hand.
    private static let retriesAfterStrayCancels = 5

    /// Nothing of the operation has remained, and it was not its own fault: its statement had gone stale, or it was hit by a cancel
    /// meant for the one before it.
    private func mayBeSentAgain(_ operation: Operation, after error: DatabaseError) -> Bool {
        guard operation.isAtomic, operation.isWaitedFor, !operation.cancelRequested else { return false }
        if operation.usesStaleStatement { return operation.retries == 0 }
        return wasBystander(operation, of: error) && operation.retries < Self.retriesAfterStrayCancels
    }

    /// The server says that it was cancelled, and nobody has asked for that.
    private func wasBystander(_ operation: Operation, of error: DatabaseError) -> Bool {
        let isOwnTimeout = PollThread.now() - operation.startedAt >= operation.timeout.nanoseconds
        return error.sqlState == .queryCanceled && !operation.cancelRequested && !operation.cancelSent && hasSentCancels
            && !isOwnTimeout
    }

    private func headChanged(_ now: Int64) {
        guard let head = operations.first else { return }
        head.startedAt = now
        if head.cancelRequested || head.isAbandoned { sendCancel(for: head) }
    }

    private func handOutNotifications() {
        guard let onNotification, let pg else { return }
        while let notify = PQnotifies(pg) {
            onNotification(String(cString: notify.pointee.relname), String(cString: notify.pointee.extra))
            PQfreemem(notify)
        }
    }

    /// The error a result carries, if it is one.
    private func failure(of result: OpaquePointer, _ status: ExecStatusType) -> DatabaseError? {
        switch status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_PIPELINE_SYNC: return nil
        case PGRES_PIPELINE_ABORTED:
            return DatabaseError(.server, .inFailedTransaction, "An earlier statement of the same batch failed.")
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH: return .misuse("COPY is not supported.")
        default: return serverError(result)
        }
    }

    private func serverError(_ result: OpaquePointer) -> DatabaseError {
        func field(_ letter: Character) -> String? {
            letter.asciiValue.flatMap { PQresultErrorField(result, Int32($0)) }.map { String(cString: $0) }
        }
        guard let code = field("C") else {  // made up by libpq: the connection broke
            return .connectionLost(
                PQresultErrorMessage(result).map {
                    String(cString: $0).split(whereSeparator: \.isNewline).joined(separator: " ")
                }
                    ?? lastMessage)
        }
        var error = DatabaseError(.server, SQLState(code), field("M") ?? "PostgreSQL gave no message.", detail: field("D"))
        error.hint = field("H")
        error.constraint = field("n")
        error.table = field("t")
        return error
    }
}
