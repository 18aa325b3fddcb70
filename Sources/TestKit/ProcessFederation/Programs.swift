import Foundation
import Glibc

/// The project's own programs.
package enum Programs {
    /// Where they are: beside the running test bundle, as SwiftPM builds them, or in `MERIDIAN_PROGRAMS`.
    package static let directory: String =
        ProcessInfo.processInfo.environment["MERIDIAN_PROGRAMS"]
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path

    package static func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// Runs one to its end. Throws what it wrote unless it ends with 0.
    package static func run(_ name: String, _ arguments: [String], log: String) async throws {
        let command = [path(name)] + arguments
        let status = try await onThread { Spawn.wait(for: try Spawn.start(command, log: log)) }
        guard status == 0 else {
            let output = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw ProcessFederationError("\(command.joined(separator: " ")) ended with \(status):\n\(output.suffix(2_000))")
        }
    }
}

/// Why a federation of processes isn't there.
package struct ProcessFederationError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Runs what blocks on a thread of its own.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}

enum Spawn {
    /// Starts `command[0]`, which is killed when the calling thread ends, and so with this process however it ends. Its output is
    /// appended to `log`.
    static func start(_ command: [String], log: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, 0x80)  // POSIX_SPAWN_SETSID, which Swift's Glibc module does not carry

        let whole = ["setpriv", "--pdeathsig", "KILL"] + command
        var words: [UnsafeMutablePointer<CChar>?] = whole.map { strdup($0) }
        words.append(nil)
        // A crash should end the program, not start a debugger.
        let settings: [UnsafeMutablePointer<CChar>?] = [
            strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), strdup("LC_ALL=C.UTF-8"), strdup("SWIFT_BACKTRACE=enable=no"), nil,
        ]
        defer { for word in words + settings { free(word) } }
        var pid = pid_t()
        let failed = posix_spawnp(&pid, whole[0], &actions, &attributes, words, settings)
        guard failed == 0 else {
            throw ProcessFederationError("\(command[0]) can't be started: \(String(cString: strerror(failed)))")
        }
        return pid
    }

    /// Blocks until it has ended: the exit code, or minus the signal that ended it.
    static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : -signal
    }
}
