internal import CloudModel

/// The connections beside the pool, so that `close()` finds them.
final class Companions: Sendable {
    private struct State {
        var nextID = 0
        var closers: [Int: @Sendable () -> Void] = [:]
        var isClosed = false
    }

    private let state = Lock(State())

    /// Remembers how to close something; returns what forgets it again.
    func add(_ close: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let id: Int? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.nextID += 1
            state.closers[state.nextID] = close
            return state.nextID
        }
        guard let id else {
            close()
            return {}
        }
        return { [self] in _ = state.withLock { $0.closers.removeValue(forKey: id) } }
    }

    func add(_ connection: Connection, until ending: Ending) {
        let forget = add { connection.close() }
        ending.whenEnded(forget)
    }

    func closeAll() {
        let closers = state.withLock { state in
            state.isClosed = true
            defer { state.closers = [:] }
            return state.closers
        }
        for close in closers.values { close() }
    }
}
