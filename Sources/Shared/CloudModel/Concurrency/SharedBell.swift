/// Wakes everybody who waits: one bell for many, unlike `WakeUp`. Take `rings` before looking for news and wait for a ring after it, so that
/// none in between is lost.
package final class SharedBell: Sendable {
    private struct State {
        var rings: UInt64 = 0
        var waiting: [UInt64: AsyncStream<Void>.Continuation] = [:]
        var lastWaiting: UInt64 = 0
    }

    private let state = Lock(State())

    package init() {}

    /// How often it has rung.
    package var rings: UInt64 { state.withLock { $0.rings } }

    package func ring() {
        let waiting = state.withLock { state in
            state.rings += 1
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for one in waiting { one.finish() }
    }

    /// Returns once it has rung more often than `rings`, after `limit` at the latest, and when the task is cancelled.
    package func wait(after rings: UInt64, atMost limit: Duration) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let number = state.withLock { state -> UInt64? in
            guard state.rings == rings else { return nil }
            state.lastWaiting += 1
            state.waiting[state.lastWaiting] = continuation
            return state.lastWaiting
        }
        guard let number else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in stream {} }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
        state.withLock { _ = $0.waiting.removeValue(forKey: number) }
    }

    /// How many wait now.
    package var waiting: Int { state.withLock { $0.waiting.count } }
}
