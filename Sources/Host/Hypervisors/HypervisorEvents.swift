import CloudModel

/// Hands what a hypervisor notices to whoever reads: usually one agent, and after it was replaced in the same process, the next.
package final class HypervisorEvents: Sendable {
    private struct State {
        var last = 0
        var readers: [Int: AsyncStream<HypervisorEvent>.Continuation] = [:]
    }

    private let state = Lock(State())

    package init() {}

    /// What is noticed from now on. A reader further behind than this loses the oldest; a listing of all guests, which it makes by
    /// period anyway, serves it better by then.
    package func stream() -> AsyncStream<HypervisorEvent> {
        let (stream, reader) = AsyncStream<HypervisorEvent>.makeStream(bufferingPolicy: .bufferingNewest(1_024))
        let number = state.withLock { state in
            state.last += 1
            state.readers[state.last] = reader
            return state.last
        }
        reader.onTermination = { [weak self] _ in _ = self?.state.withLock { $0.readers.removeValue(forKey: number) } }
        return stream
    }

    package func yield(_ event: HypervisorEvent) {
        let readers = state.withLock { Array($0.readers.values) }
        for reader in readers { reader.yield(event) }
    }
}
