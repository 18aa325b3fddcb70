internal import CloudModel

/// Calls a function on the poll thread at a moment. Kept alive by the poll thread until it fires or is cancelled.
final class Timer: PollHandler, PollWork, @unchecked Sendable {
    private let time: Int64
    private let action: @Sendable () -> Void
    private let cancelled = Lock(false)
    private var token: UInt64?

    /// Sets a timer; `cancel()` makes it do nothing.
    @discardableResult
    static func after(_ delay: Duration, _ action: @escaping @Sendable () -> Void) -> Timer {
        at(PollThread.now() + delay.nanoseconds, action)
    }

    @discardableResult
    static func at(_ time: Int64, _ action: @escaping @Sendable () -> Void) -> Timer {
        let timer = Timer(time, action)
        PollThread.shared.submit(timer)
        return timer
    }

    private init(_ time: Int64, _ action: @escaping @Sendable () -> Void) {
        self.time = time
        self.action = action
    }

    func cancel() { cancelled.withLock { $0 = true } }

    func runOnPollThread() {
        let token = PollThread.shared.register(self)
        self.token = token
        PollThread.shared.setTimer(token, at: time)
    }

    func ready(_ events: UInt32) {}

    func timerFired() {
        if let token { PollThread.shared.unregister(token, socket: nil) }
        if !cancelled.withLock({ $0 }) { action() }
    }

    /// Suspends the calling task; not cut short by cancellation, so only for short pauses.
    static func pause(for delay: Duration) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            after(delay) { continuation.resume() }
        }
    }
}

extension Duration {
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
