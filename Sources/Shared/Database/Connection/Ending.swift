internal import CloudModel

/// An end that happens once and that any number of tasks can wait for.
final class Ending: Sendable {
    private struct State {
        var hasEnded = false
        var nextID = 0
        var waiting: [Int: UnsafeContinuation<Void, Never>] = [:]
        var afterwards: [@Sendable () -> Void] = []
    }

    private let state = Lock(State())

    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func end() {
        let (waiting, afterwards) = state.withLock { state in
            state.hasEnded = true
            defer { (state.waiting, state.afterwards) = ([:], []) }
            return (state.waiting, state.afterwards)
        }
        for continuation in waiting.values { continuation.resume() }
        for action in afterwards { action() }
    }

    /// Calls `action` at the end, or now if that is past.
    func whenEnded(_ action: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if !state.hasEnded { state.afterwards.append(action) }
            return state.hasEnded
        }
        if isOver { action() }
    }

    func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.hasEnded || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }

    func waitUncancelled() async {
        await withUnsafeContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.hasEnded {
                    state.nextID += 1
                    state.waiting[state.nextID] = continuation
                }
                return state.hasEnded
            }
            if isOver { continuation.resume() }
        }
    }
}
