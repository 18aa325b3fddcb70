internal import CSpawn
package import Glibc

/// Starts programs beside the test process.
///
/// A child gets no descriptor but its standard streams. The sockets of NIO pass through exec(3), and one that a child holds too stays
/// open when the test closes it: whoever is at its other end waits for as long as the child lives.
package enum Spawn {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts `command[0]`, which is sought in PATH, in a session of its own: a Ctrl-C in the terminal doesn't reach it before us. Throws
    /// `Failure` where it can't be started.
    ///
    /// - Parameters:
    ///   - log: a file to which its output is appended.
    ///   - input: its standard input; nil: none.
    ///   - settings: `NAME=value`, beside PATH and LC_ALL all of its environment.
    package static func start(
        _ command: [String], log: String, input: Int32? = nil, settings: [String] = []
    ) throws(Failure) -> pid_t {
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
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, spawn_setsid)

        func words(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }
        let arguments = words(command)
        let environment = words(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"] + settings)
        defer { for word in arguments + environment { free(word) } }
        var pid = pid_t()
        let failed = posix_spawnp(&pid, command[0], &actions, &attributes, arguments, environment)
        guard failed == 0 else {
            throw Failure(description: "\(command[0]) can't be started: \(String(cString: strerror(failed)))")
        }
        return pid
    }

    /// Blocks until it has ended: the exit code, or minus the signal that ended it.
    package static func wait(for pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : -signal
    }
}
