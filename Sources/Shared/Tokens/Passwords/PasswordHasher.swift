import CloudModel
import Foundation

/// Hashes and checks passwords on threads of its own: 40 ms of pure computing must not stand in the way of requests.
package final class PasswordHasher: Sendable {
    /// Work that may wait. At 40 ms a piece and two threads, 64 wait 1.3 s: longer queues would only time out at the client,
    /// shorter ones refuse a burst that would have been served.
    package static let queueLimit = 64

    private struct Work {
        let run: @Sendable () -> Void
    }

    /// What the threads hold on to; they end when the hasher goes. A condition variable, because these threads have nothing else
    /// to do than wait. Its fields are touched under the lock only.
    private final class Queue: @unchecked Sendable {
        private let condition = NSCondition()
        private var waiting: [Work] = []
        private var isClosed = false

        /// False when too much waits already.
        func add(_ work: Work) -> Bool {
            condition.withLock {
                guard waiting.count < PasswordHasher.queueLimit else { return false }
                waiting.append(work)
                condition.signal()
                return true
            }
        }

        /// The next piece of work; nil when there will be no more.
        func next() -> Work? {
            condition.withLock {
                while waiting.isEmpty, !isClosed { condition.wait() }
                return waiting.isEmpty ? nil : waiting.removeFirst()
            }
        }

        func close() {
            condition.withLock {
                isClosed = true
                condition.broadcast()
            }
        }
    }

    private let queue = Queue()
    private let cost: PasswordHash.Cost
    /// A hash of nothing anyone types: checked when a user doesn't exist, so that the answer takes as long as for one who does.
    private let decoy: PasswordHash

    /// `threads` defaults to half of the cores, at least one: the other half answers requests. Tests lower the cost.
    package init(threads: Int = max(1, ProcessInfo.processInfo.activeProcessorCount / 2), cost: PasswordHash.Cost = .standard)
        throws
    {
        self.cost = cost
        decoy = try PasswordHash(Base64.urlEncoded(SecureRandom.bytes(16)), cost: cost)
        for number in 0..<threads {
            let thread = Thread { [queue] in
                while let work = queue.next() { work.run() }
            }
            thread.name = "password-\(number)"
            thread.start()
        }
    }

    deinit { queue.close() }

    /// The stored form of a new password. Throws `unavailable` (503) when too many wait.
    package func hash(_ password: String) async throws -> String {
        let cost = self.cost
        return try await perform { try PasswordHash(password, cost: cost).text }
    }

    /// Whether `password` is the one stored. nil (no such user, or no password) takes as long and is false.
    package func matches(_ password: String, stored: String?) async throws -> Bool {
        let known = stored.flatMap(PasswordHash.init(text:))
        let hash = known ?? decoy
        return try await perform { try hash.matches(password) && known != nil }
    }

    private func perform<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let work = Work { continuation.resume(with: Swift.Result { try body() }) }
            if !queue.add(work) {
                continuation.resume(
                    throwing: CloudError(.unavailable, "Too many people are logging in. Try again in a moment.", retryAfter: 1))
            }
        }
    }
}
