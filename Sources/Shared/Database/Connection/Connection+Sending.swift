internal import CLibPQ
internal import Glibc

extension Connection {
    /// Sends an operation, or refuses it at once.
    func start(_ operation: Operation) {
        switch phase {
        case .connecting: return early.append(operation)
        case .closed(let error): return operation.fail(NotSent(cause: error))
        case .ready: break
        }
        if operation.cancelRequested { return operation.fail(CancellationError()) }
        let now = PollThread.now()
        if operations.isEmpty, now - lastHeard > Self.trusted, hasUnreadInput() {
            receive()  // fails the connection with the server's last words
            if case .closed(let error) = phase { return operation.fail(NotSent(cause: error)) }
        }
        operation.deadline = now + (operation.timeout + settings.grace).nanoseconds
        if operations.isEmpty { operation.startedAt = now }
        guard send(operation) else { return }
        operations.append(operation)
        setTimer(operation.deadline)
        flush()
    }

    /// A connection heard from this recently (nanoseconds) is used without a look whether it is still open.
    private static let trusted: Int64 = 1_000_000

    /// The server has said something, probably that it hangs up, and we have not noticed yet. A statement sent to one that has hung up would
    /// be lost, and nobody could say whether it had been done.
    private func hasUnreadInput() -> Bool {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count >= 0 || (errno != EAGAIN && errno != EINTR)
    }

    /// Hands the operation to libpq; false when it never went out, in which case it has been failed.
    private func send(_ operation: Operation) -> Bool {
        switch operation.content {
        case .script(let text): return sendScript(text, operation)
        case .one(let sql):
            if let failure = sql.failure { return refuse(operation, failure) }
            deallocateEvicted()
            guard send(sql, operation) else { return giveUp(operation) }
        case .several(let statements):
            if let failure = statements.lazy.compactMap(\.failure).first { return refuse(operation, failure) }
            deallocateEvicted()
            for sql in statements where !send(sql, operation) { return giveUp(operation) }
        }
        guard PQpipelineSync(pg) == 1 else { return giveUp(operation) }
        expectations.append(.sync(operation))
        return true
    }

    private func refuse(_ operation: Operation, _ error: DatabaseError) -> Bool {
        operation.fail(error)
        return false
    }

    /// libpq refused to send: the connection is broken.
    private func giveUp(_ operation: Operation) -> Bool {
        let error = DatabaseError.connectionLost(lastMessage)
        operation.fail(error)
        fail(error)
        return false
    }

    private func send(_ sql: SQL, _ operation: Operation) -> Bool {
        let (statement, isNew) = cache.use(sql)
        if isNew {
            let sent = statement.key.types.withUnsafeBufferPointer { types in
                PQsendPrepare(pg, statement.name, sql.text, Int32(types.count), types.baseAddress)
            }
            guard sent == 1 else { return false }
            expectations.append(.prepare(statement, operation))
        }
        guard execute(statement, sql.parameters) else { return false }
        expectations.append(.execute(statement, operation))
        return true
    }

    private func execute(_ statement: PreparedStatement, _ parameters: Parameters) -> Bool {
        let count = parameters.count
        return parameters.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count + 1) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * count + 1) { numbers in
                    // An empty value still needs an address: NULL would mean SQL's NULL.
                    let base = bytes.baseAddress ?? UnsafeRawPointer(values.baseAddress)
                    for (index, slot) in parameters.slots.enumerated() {
                        let address = slot.length < 0 ? nil : base.map { $0 + slot.start }
                        values.initializeElement(at: index, to: address?.assumingMemoryBound(to: CChar.self))
                        numbers.initializeElement(at: index, to: Int32(max(0, slot.length)))
                        numbers.initializeElement(at: count + index, to: 1)  // binary
                    }
                    return PQsendQueryPrepared(
                        pg, statement.name, Int32(count), values.baseAddress, numbers.baseAddress,
                        numbers.baseAddress.map { $0 + count }, 1) == 1
                }
            }
        }
    }

    /// Frees statements pushed out of the cache, in a round of their own: a failure there concerns nobody.
    private func deallocateEvicted() {
        guard !cache.evicted.isEmpty else { return }
        for name in cache.takeEvicted() {
            guard PQsendQueryParams(pg, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else { return }
            expectations.append(.deallocated)
            guard PQpipelineSync(pg) == 1 else { return }
            expectations.append(.deallocateSync)
        }
    }

    /// Several statements by the simple protocol, which libpq allows outside pipeline mode only: the connection must be idle.
    private func sendScript(_ text: String, _ operation: Operation) -> Bool {
        guard operations.isEmpty, expectations.isEmpty else {
            return refuse(operation, .misuse("A script needs a connection on which nothing else runs."))
        }
        guard PQexitPipelineMode(pg) == 1, PQsendQuery(pg, text) == 1 else { return giveUp(operation) }
        expectations.append(.script(operation))
        return true
    }

    /// Pushes out what libpq holds back, and watches for room while something is left.
    func flush() {
        guard let pg else { return }
        switch PQflush(pg) {
        case 0: watch(EPOLLIN.rawValue)
        case 1: watch(EPOLLIN.rawValue | EPOLLOUT.rawValue)
        default:
            // The server's last words may be in the socket's buffer.
            receive()
            fail(.connectionLost(lastMessage))
        }
    }
}
