internal import CLibPQ
internal import CloudModel
internal import Glibc

/// Owns one `PGcancel` and frees it.
final class CancelHandle: @unchecked Sendable {
    private let handle: OpaquePointer
    private let afterwards: @Sendable () -> Void

    /// `afterwards` is called once, when the request has been delivered or dropped.
    init(_ handle: OpaquePointer, afterwards: @escaping @Sendable () -> Void) {
        self.handle = handle
        self.afterwards = afterwards
    }

    deinit {
        PQfreeCancel(handle)
        afterwards()
    }

    /// PQcancel (manual, 34.7): connects, asks, waits until the server hangs up. Blocks.
    func send() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            _ = PQcancel(handle, text.baseAddress, 256)
        }
    }
}

/// Sends cancel requests from threads of their own, because PQcancel blocks, for ever if the server is stopped.
final class Canceller: Sendable {
    static let shared = Canceller()

    /// Threads at once. A stopped server holds each for as long as it is stopped; the rest waits, and the server's own
    /// statement_timeout ends what was to be cancelled.
    private static let threads = 4
    /// Requests that may wait for a thread; more are dropped, for the same reason.
    private static let waiting = 256

    private struct State {
        var queue = FIFO<CancelHandle>()
        var running = 0
    }

    private let state = Lock(State())

    func send(_ handle: CancelHandle) {
        let needsThread = state.withLock { state in
            guard state.queue.count < Self.waiting else { return false }
            state.queue.append(handle)
            guard state.running < Self.threads else { return false }
            state.running += 1
            return true
        }
        guard needsThread else { return }
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { _ in
                Canceller.shared.drain()
                return nil
            }, nil)
        if failed == 0 { pthread_detach(thread) } else { state.withLock { $0.running -= 1 } }
    }

    private func drain() {
        while let handle = next() { handle.send() }
    }

    private func next() -> CancelHandle? {
        state.withLock { state in
            if let handle = state.queue.popFirst() { return handle }
            state.running -= 1
            return nil
        }
    }
}
