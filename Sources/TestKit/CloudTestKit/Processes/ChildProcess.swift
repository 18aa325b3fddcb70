import Foundation
import Glibc

/// A child of the test process, whose end can be awaited.
final class ChildProcess: Sendable {
    let pid: pid_t
    private let exit: Task<Int32, Never>

    /// Starts `arguments[0]`. Its output is appended to `log`; its input is `input`, or nothing.
    init(_ arguments: [String], log: String, input: Int32? = nil) throws {
        let pid = try Spawn.start(arguments, log: log, input: input)
        self.pid = pid
        exit = Task { await Self.wait(for: pid) }
    }

    /// Waits for its end: the exit code, or minus the signal that ended it.
    func waitForExit() async -> Int32 { await exit.value }

    func signal(_ number: Int32) { Glibc.kill(pid, number) }

    /// On a thread of its own, because it blocks.
    private static func wait(for pid: pid_t) async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: Spawn.wait(for: pid)) }.start()
        }
    }
}
