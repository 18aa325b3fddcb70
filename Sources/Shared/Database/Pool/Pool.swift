internal import CloudModel
internal import Logging

/// The shell around `PoolStateMachine`: performs its actions on real connections.
final class Pool: Sendable {
    /// A connection lent out; give it back with `release`.
    struct Lease {
        let id: PoolStateMachine.ConnectionID
        let connection: Connection
    }

    private struct State {
        var machine: PoolStateMachine
        var connections: [PoolStateMachine.ConnectionID: Connection] = [:]
        var waiters: [PoolStateMachine.WaiterID: UnsafeContinuation<Lease, any Error>] = [:]
        /// Why the last connection failed, for those who wait in vain.
        var lastFailure: DatabaseError?
        var drained: [UnsafeContinuation<Void, Never>] = []
        var isDrained = false
    }

    private let settings: ConnectionSettings
    private let limits: PoolLimits
    private let state: Lock<State>

    init(_ settings: ConnectionSettings, limits: PoolLimits) {
        self.settings = settings
        self.limits = limits
        state = Lock(State(machine: PoolStateMachine(limits: limits)))
    }

    deinit {
        for connection in state.withLock({ Array($0.connections.values) }) { connection.close() }
    }

    /// A connection, now or within the acquire timeout.
    func lease(_ use: PoolStateMachine.Use) async throws -> Lease {
        if let lease = leaseNow(use) { return lease }
        let ticket = Ticket()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { wait(use, ticket, $0) }
        } onCancel: {
            giveUp(ticket)
        }
    }

    func release(_ lease: Lease) {
        update { machine, actions in machine.released(lease.id, now: PollThread.now(), &actions) }
    }

    /// Gives back a connection that must not be used again.
    func discard(_ lease: Lease, _ reason: DatabaseError) { lease.connection.close(reason) }

    /// Refuses new leases and waits until those under way have ended, or `patience` is over.
    func close(patience: Duration) async {
        update { machine, actions in machine.shutDown(&actions) }
        let timer = Timer.after(patience) { self.update { machine, actions in machine.abandon(&actions) } }
        await withUnsafeContinuation { continuation in
            let isDrained = state.withLock { state in
                if !state.isDrained { state.drained.append(continuation) }
                return state.isDrained
            }
            if isDrained { continuation.resume() }
        }
        timer.cancel()
    }

    var connectionCount: Int { state.withLock { $0.machine.connectionCount } }
    var waitingCount: Int { state.withLock { $0.machine.waitingCount } }
    /// Leases of shared connections that have not ended.
    var underWay: Int { state.withLock { $0.machine.sharedUnderWay } }

    // MARK: Waiting

    private final class Ticket: Sendable {
        let waiter = Lock<(id: PoolStateMachine.WaiterID?, isCancelled: Bool)>((nil, false))
    }

    private func leaseNow(_ use: PoolStateMachine.Use) -> Lease? {
        var actions: [PoolStateMachine.Action] = []
        let lease: Lease? = state.withLock { state in
            guard state.machine.canGrant(use) else { return nil }
            guard case .granted(let id) = state.machine.lease(use, now: PollThread.now(), &actions) else { return nil }
            return state.connections[id].map { Lease(id: id, connection: $0) }
        }
        perform(actions)
        return lease
    }

    private func wait(
        _ use: PoolStateMachine.Use, _ ticket: Ticket, _ continuation: UnsafeContinuation<Lease, any Error>
    ) {
        var actions: [PoolStateMachine.Action] = []
        let result: Result<Lease, any Error>? = state.withLock { state in
            let isCancelled = ticket.waiter.withLock { $0.isCancelled }
            if isCancelled { return .failure(CancellationError()) }
            switch state.machine.lease(use, now: PollThread.now(), &actions) {
            case .granted(let id):
                return state.connections[id].map { .success(Lease(id: id, connection: $0)) } ?? .failure(DatabaseError.closed)
            case .wait(let waiter):
                ticket.waiter.withLock { $0.id = waiter }
                state.waiters[waiter] = continuation
                return nil
            case .refused(let refusal): return .failure(error(refusal, state.lastFailure))
            }
        }
        perform(actions)
        if let result { continuation.resume(with: result) }
    }

    private func giveUp(_ ticket: Ticket) {
        let continuation = state.withLock { state in
            let waiter = ticket.waiter.withLock { ticket in
                ticket.isCancelled = true
                return ticket.id
            }
            guard let waiter else { return nil as UnsafeContinuation<Lease, any Error>? }
            state.machine.cancelled(waiter)
            return state.waiters.removeValue(forKey: waiter)
        }
        continuation?.resume(throwing: CancellationError())
    }

    private func error(_ refusal: PoolStateMachine.Refusal, _ lastFailure: DatabaseError?) -> DatabaseError {
        switch refusal {
        case .closed: return .closed
        case .tooManyWaiting:
            return DatabaseError(
                .tooManyWaiting, .tooManyConnections, "Too many callers wait for a database connection.",
                detail: lastFailure?.message)
        case .timedOut:
            return DatabaseError(
                .timeout, .connectionFailure,
                lastFailure.map { "The database cannot be reached: \($0.message)" }
                    ?? "No database connection became free in time.")
        }
    }

    // MARK: Acting

    private func update(_ event: (inout PoolStateMachine, inout [PoolStateMachine.Action]) -> Void) {
        var actions: [PoolStateMachine.Action] = []
        state.withLock { event(&$0.machine, &actions) }
        perform(actions)
    }

    private func perform(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .open(let id): open(id)
            case .close(let id): state.withLock { $0.connections[id] }?.close(.closed)
            case .grant(let waiter, let id): grant(waiter, id)
            case .refuse(let waiter, let refusal):
                let (continuation, failure) = state.withLock { state in
                    (state.waiters.removeValue(forKey: waiter), state.lastFailure)
                }
                continuation?.resume(throwing: error(refusal, failure))
            case .wake(let time):
                Timer.at(time) { [weak self] in
                    self?.update { machine, actions in machine.tick(now: PollThread.now(), &actions) }
                }
            case .drained:
                let waiting = state.withLock { state in
                    state.isDrained = true
                    defer { state.drained = [] }
                    return state.drained
                }
                for continuation in waiting { continuation.resume() }
            }
        }
    }

    private func grant(_ waiter: PoolStateMachine.WaiterID, _ id: PoolStateMachine.ConnectionID) {
        let (continuation, connection) = state.withLock { state in
            (state.waiters.removeValue(forKey: waiter), state.connections[id])
        }
        guard let continuation else {  // its task was cancelled between the decision and now
            return update { machine, actions in machine.released(id, now: PollThread.now(), &actions) }
        }
        guard let connection else {
            return continuation.resume(throwing: DatabaseError.connectionLost("The connection was lost."))
        }
        continuation.resume(returning: Lease(id: id, connection: connection))
    }

    private func open(_ id: PoolStateMachine.ConnectionID) {
        let connection = Connection(
            settings,
            onReady: { [weak self] in
                guard let self else { return }
                state.withLock { $0.lastFailure = nil }
                update { machine, actions in machine.opened(id, now: PollThread.now(), &actions) }
            },
            onClosed: { [weak self, logger = settings.logger] error in
                if error.kind != .closed {
                    logger.warning("database connection lost", metadata: ["error": "\(error)"])
                }
                guard let self else { return }
                state.withLock { state in
                    state.connections[id] = nil
                    if error.kind != .closed { state.lastFailure = error }
                }
                update { machine, actions in machine.lost(id, now: PollThread.now(), &actions) }
            })
        state.withLock { $0.connections[id] = connection }
        connection.open()
    }
}
