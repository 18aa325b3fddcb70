import Foundation
import Glibc

/// A child of the test process, in a session of its own so that a Ctrl-C in the terminal does not reach it before us.
final class ChildProcess: Sendable {
    let pid: pid_t
    private let exit: Task<Int32, Never>

    /// Starts `arguments[0]`. Its output is appended to `log`; its input is `input`, or nothing.
    init(_ arguments: [String], log: String, input: Int32? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID, which Swift's Glibc module does not carry

        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        let settings: [UnsafeMutablePointer<CChar>?] = [
            strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), strdup("LC_ALL=C.UTF-8"), nil,
        ]
        defer { for word in words + settings { free(word) } }
        var pid = pid_t()
        let failed = posix_spawnp(&pid, arguments[0], &actions, &attributes, words, settings)
        guard failed == 0 else {
            throw PostgresClusterError("\(arguments[0]) cannot be started: \(String(cString: strerror(failed)))")
        }
        self.pid = pid
        exit = Task { [pid] in await Self.wait(for: pid) }
    }

    /// Waits for its end: the exit code, or minus the signal that ended it.
    func waitForExit() async -> Int32 { await exit.value }

    func signal(_ number: Int32) { Glibc.kill(pid, number) }

    /// waitpid(2) on a thread of its own, because it blocks.
    private static func wait(for pid: pid_t) async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread {
                var status: Int32 = 0
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7f
                continuation.resume(returning: signal == 0 ? (status >> 8) & 0xff : -signal)
            }.start()
        }
    }
}

/// Why a test's PostgreSQL is not there.
package struct PostgresClusterError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
