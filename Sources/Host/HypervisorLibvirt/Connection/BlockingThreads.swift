import Foundation

/// Threads of our own for calls that block: libvirt's wait for a daemon's answer, and a stuck daemon must not hold up the threads
/// that everything asynchronous shares.
final class BlockingThreads: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [() -> Void] = []
    private var isStopped = false

    /// - Parameter count: how many calls may wait for the daemon at once. libvirtd itself serves 5 per client by default.
    init(_ count: Int, name: String) {
        for number in 1...count {
            let thread = Thread { [weak self] in
                while let job = self?.next() { job() }
            }
            thread.name = "\(name)-\(number)"
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    /// Runs `body` on one of the threads. Not interrupted by cancellation: the call under way would go on anyway.
    func callAsFunction<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            condition.lock()
            jobs.append { continuation.resume(with: Swift.Result(catching: body)) }
            condition.signal()
            condition.unlock()
        }
    }

    private func next() -> (() -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isStopped { return nil }
            condition.wait()
        }
        return jobs.removeFirst()
    }

    /// The threads end when what waits is done.
    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }
}
