import Foundation
import Glibc

/// A directory under /tmp that belongs to the user PostgreSQL runs as, and that a watchdog removes, together with a server that runs in
/// it, when the test process ends, however it ends: the watchdog waits at the other end of a pipe.
final class ScratchDirectory: Sendable {
    let path: String
    private let pipe: Int32
    private let watchdog: ChildProcess

    init() throws {
        var template = Array("/tmp/meridian-test-pg-\(getuid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PostgresClusterError("mkdtemp(3) failed: \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if getuid() == 0, let user = getpwnam("postgres") { chown(path, user.pointee.pw_uid, user.pointee.pw_gid) }

        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw PostgresClusterError("pipe(2) failed: \(errno)") }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        defer { close(ends[0]) }
        pipe = ends[1]
        watchdog = try ChildProcess(["sh", "-c", Self.script, "watchdog", path], log: "/dev/null", input: ends[0])
    }

    /// Kills the server, if one runs, and removes the directory.
    func remove() async {
        close(pipe)
        _ = await watchdog.waitForExit()
    }

    /// Waits for the end of its input, which comes with the end of the test process. What was being started then (initdb, cp, a
    /// backend) may still write for a moment, so it looks a few times.
    private static let script = """
        trap '' INT TERM HUP
        cat > /dev/null
        pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
        if [ -n "$pid" ] && grep -q '^postgres' "/proc/$pid/comm" 2> /dev/null; then
            kill -KILL $pid $(cat /proc/$pid/task/$pid/children)
        fi
        for attempt in 1 2 3 4 5 6 7 8 9 10; do
            rm -rf "$1" && [ ! -e "$1" ] && break
            sleep 0.2
        done
        [ "$pid" ] || { sleep 1; rm -rf "$1"; }
        """
}
