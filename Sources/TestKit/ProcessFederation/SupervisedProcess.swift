import Foundation
import Glibc

/// One daemon, started anew within 100 ms whenever it ends, as runit does it, until it is taken down.
package final class SupervisedProcess: Sendable {
    package let name: String
    private let state: Guarded<State>

    private struct State {
        var pid: pid_t?
        var starts = 0
        var isWanted = true
        var hasEnded = false
    }

    /// Starts it, and the thread that watches over it. That thread is also the one its life hangs on, so it must not end earlier.
    init(_ name: String, _ command: [String], log: String) {
        self.name = name
        let state = Guarded(State())
        self.state = state
        Thread {
            while state.with({ $0.isWanted }) {
                let started = state.with { state -> pid_t? in
                    guard state.isWanted else { return nil }
                    state.pid = try? Spawn.start(command, log: log)
                    state.starts += 1
                    return state.pid
                }
                if let started { _ = Spawn.wait(for: started) }
                state.with { $0.pid = nil }
                usleep(80_000)
            }
            state.with { $0.hasEnded = true }
        }.start()
    }

    /// How often it was started.
    package var starts: Int { state.with { $0.starts } }

    /// kill -9; its supervisor starts it anew.
    package func kill() { signal(SIGKILL) }

    package func signal(_ number: Int32) {
        state.with { state in
            if let pid = state.pid { Glibc.kill(pid, number) }
        }
    }

    /// Ends it for good: in order if it can within five seconds.
    func takeDown() async {
        state.with { $0.isWanted = false }
        signal(SIGTERM)
        signal(SIGCONT)
        for attempt in 0..<100 where !state.with({ $0.hasEnded }) {
            try? await Task.sleep(for: .milliseconds(100))
            if attempt >= 50 { signal(SIGKILL) }
        }
    }
}

/// A value behind a lock.
final class Guarded<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func with<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
