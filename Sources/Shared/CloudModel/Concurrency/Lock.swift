package import Glibc

/// A value behind a pthread mutex. (ThreadSanitizer reports false races on `Synchronization.Mutex`; a pthread mutex is clean.) Hold
/// it for a few microseconds and never across an `await`, a system call or a continuation's resume.
///
/// Inlinable, so that each module that uses it has it for its own types: the hot paths take a lock for each message.
package final class Lock<State>: @unchecked Sendable {
    @usableFromInline package let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline package var state: State

    @inlinable package init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        let failure = pthread_mutex_init(mutex, nil)
        precondition(failure == 0, "pthread_mutex_init(3) failed")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inlinable package func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }
}
