import CloudModel
import CloudTestKit
import Foundation
import Glibc

/// One daemon, started anew within 100 ms whenever it ends, as runit does it, until it is taken down.
package final class SupervisedProcess: Sendable {
    package let name: String
    private let state: Lock<State>

    private struct State {
        var pid: pid_t?
        var starts = 0
        var isWanted = true
        var hasEnded = false
    }

    /// Starts it, and the thread that watches over it. That thread is also the one its life hangs on, so it must not end earlier.
    init(_ name: String, _ command: [String], log: String) {
        self.name = name
        let state = Lock(State())
        self.state = state
        Thread {
            while state.withLock({ $0.isWanted }) {
                let started = state.withLock { state -> pid_t? in
                    guard state.isWanted else { return nil }
                    state.pid = try? Spawn.startBound(command, log: log)
                    state.starts += 1
                    return state.pid
                }
                if let started { _ = Spawn.wait(for: started) }
                state.withLock { $0.pid = nil }
                usleep(80_000)
            }
            state.withLock { $0.hasEnded = true }
        }.start()
    }

    /// How often it was started.
    package var starts: Int { state.withLock { $0.starts } }

    /// kill -9; its supervisor starts it anew.
    package func kill() { signal(SIGKILL) }

    package func signal(_ number: Int32) {
        state.withLock { state in
            if let pid = state.pid { Glibc.kill(pid, number) }
        }
    }

    /// Ends it for good: in order if it can within five seconds.
    package func takeDown() async {
        state.withLock { $0.isWanted = false }
        signal(SIGTERM)
        signal(SIGCONT)
        for attempt in 0..<100 where !state.withLock({ $0.hasEnded }) {
            try? await Task.sleep(for: .milliseconds(100))
            if attempt >= 50 { signal(SIGKILL) }
        }
    }
}
