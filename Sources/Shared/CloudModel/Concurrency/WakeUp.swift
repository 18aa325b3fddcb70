/// A bell: rung any number of times before the sleeper looks, it wakes it once.
///
/// The signal half of "wakes by signal and by period": what it wakes reads the world anew, so a lost or doubled ring costs
/// nothing but time.
package final class WakeUp: Sendable {
    private let stream: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    package init() { (stream, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    package func ring() { bell.yield() }

    /// Waits for the first ring, `limit` at most; for one caller and once: a bell that was waited for in vain is silent afterwards.
    package func wait(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [stream] in for await _ in stream { return } }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// Runs `body` once at the start, whenever the bell rings, and at least every `period`, one run at a time; returns when the
    /// task is cancelled. One caller only.
    ///
    /// - Parameters:
    ///   - coalescing: how long after a ring to wait for more of them.
    ///   - spacing: how long from the start of a run to the start of the next at least. A ring after a quiet while is heard at once;
    ///     under load what rings meanwhile is done together.
    package func forEach(
        atLeastEvery period: Duration, coalescing: Duration = .zero, spacing: Duration = .zero,
        _ body: @Sendable @escaping () async throws -> Void
    ) async throws {
        ring()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [bell] in
                while !Task.isCancelled {
                    try await Task.sleep(for: period)
                    bell.yield()
                }
            }
            group.addTask { [stream] in
                var earliest = ContinuousClock.now
                for await _ in stream {
                    let start = max(earliest, .now + coalescing)
                    if start > .now { try await Task.sleep(until: start) }
                    earliest = .now + spacing
                    try await body()
                }
                try Task.checkCancellation()
            }
            do {
                try await group.next()
            } catch is CancellationError {
                // The service is being stopped: that is how this loop ends.
            }
            group.cancelAll()
        }
    }
}
