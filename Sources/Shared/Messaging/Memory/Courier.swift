import Foundation

/// The thread that delivers a memory network's messages when they are due. Sleeps until the next one, or until it is woken.
final class Courier: @unchecked Sendable {
    private let condition = NSCondition()
    /// Guarded by `condition`.
    private var isStopped = false
    private var isWoken = false

    /// `work` does what is due and says when it wants to be called again; nil: when woken.
    func start(_ work: @escaping @Sendable () -> BootInstant?) {
        let thread = Thread { [self] in
            while !condition.withLock({ isStopped }) { wait(until: work()) }
        }
        thread.name = "courier"
        thread.start()
    }

    func wake() {
        condition.withLock {
            isWoken = true
            condition.signal()
        }
    }

    func stop() {
        condition.withLock {
            isStopped = true
            condition.signal()
        }
    }

    private func wait(until due: BootInstant?) {
        condition.withLock {
            while !isWoken, !isStopped {
                let left = due.map { Double(($0 - .now()).wholeNanoseconds) / 1e9 } ?? 1
                if left <= 0 { break }
                if !condition.wait(until: Date(timeIntervalSinceNow: min(left, 1))) { break }
            }
            isWoken = false
        }
    }
}
