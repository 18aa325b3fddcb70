package import Database
import Foundation
import Glibc
import Logging

/// A private PostgreSQL server for tests, in a directory of its own under /tmp, reached by a Unix socket there.
///
/// It may be paused, killed and started again without harming any other. When the test process ends, however it ends, a watchdog
/// at the other end of a pipe kills the server and removes the directory.
package final class PostgresCluster: Sendable {
    /// Holds the data, the socket and the server's log.
    package var directory: String { scratch.path }
    /// The socket's number, and the TCP port if there is one.
    package let port: Int
    private let listensOnTCP: Bool
    private let fsync: Bool
    private let scratch: ScratchDirectory
    private let server = ServerProcess()

    /// Makes a cluster and starts it; returns when it answers.
    ///
    /// - Parameter tcpPort: also listen on this port of 127.0.0.1.
    /// - Parameter fsync: on by default, as in production; off makes a little faster what does not measure.
    package static func start(tcpPort: Int? = nil, fsync: Bool = true) async throws -> PostgresCluster {
        let cluster = try PostgresCluster(tcpPort: tcpPort, fsync: fsync)
        do {
            try await cluster.initialize()
            try await cluster.start()
        } catch {
            await cluster.stop()
            throw error
        }
        return cluster
    }

    private init(tcpPort: Int?, fsync: Bool) throws {
        scratch = try ScratchDirectory()
        port = tcpPort ?? 5432
        listensOnTCP = tcpPort != nil
        self.fsync = fsync
    }

    // MARK: Reaching it

    /// What libpq needs to connect, as the superuser `postgres`.
    package func conninfo(database: String = "postgres") -> String {
        "host=\(directory) port=\(port) user=postgres dbname=\(database)"
    }

    package func address(database: String = "postgres") -> DatabaseAddress {
        DatabaseAddress(conninfo: conninfo(database: database))
    }

    /// Makes an empty database.
    package func createDatabase(_ name: String) async throws {
        try await asAdministrator { try await $0.query("CREATE DATABASE \(unsafe: name)") }
    }

    /// The server's log, for a failing test to show.
    package var log: String { (try? String(contentsOfFile: "\(directory)/log", encoding: .utf8)) ?? "" }

    // MARK: Its life

    /// Starts the server again after `shutDown` or `kill`; returns when it answers.
    package func start() async throws {
        let process = try ChildProcess(
            PostgresPrograms.command(
                "postgres",
                ["-D", "\(directory)/data", "-k", directory, "-p", "\(port)"]
                    + settings.flatMap { ["-c", $0] }),
            log: "\(directory)/log")
        await server.set(process)
        do {
            try await asAdministrator { try await $0.query("SELECT 1") }
        } catch {
            throw PostgresClusterError("PostgreSQL did not start: \(error)\n\(log)")
        }
    }

    /// Stops the server and removes everything.
    package func stop() async {
        await scratch.remove()
        await server.waitForExit()
    }

    /// Ends the server in order: connections are closed with 57P01.
    package func shutDown() async {
        await server.signal(SIGINT)
        await server.waitForExit()
    }

    /// Kills all its processes; the next start recovers.
    package func kill() async {
        await server.kill()
    }

    /// Stops all its processes in their tracks: sockets stay open and nothing answers.
    package func pause() async { await server.signalAll(SIGSTOP) }

    package func resume() async { await server.signalAll(SIGCONT) }

    // MARK: Making it

    private var settings: [String] {
        [
            "listen_addresses=\(listensOnTCP ? "127.0.0.1" : "")", "fsync=\(fsync ? "on" : "off")", "max_connections=300",
            "shared_buffers=64MB", "autovacuum_naptime=10s", "log_min_messages=warning", "timezone=UTC", "jit=off",
            "max_wal_size=512MB",
        ]
    }

    /// Copies what initdb made once in this process, which takes a tenth of its time.
    private func initialize() async throws {
        let template = try await DataTemplate.only.path()
        let copy = try ChildProcess(["cp", "-a", template, "\(directory)/data"], log: "\(directory)/log")
        guard await copy.waitForExit() == 0 else { throw PostgresClusterError("The data cannot be copied:\n\(log)") }
    }

    private func asAdministrator(_ body: (Database) async throws -> Void) async throws {
        var limits = PoolLimits(connections: 1, statementTimeout: .seconds(60))
        limits.acquireTimeout = .seconds(60)
        let database = Database(address(), pool: limits, logger: .silent)
        do {
            try await body(database)
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }
}

/// The postmaster, if one runs, and its children.
private actor ServerProcess {
    private var process: ChildProcess?

    func set(_ process: ChildProcess) { self.process = process }

    func signal(_ number: Int32) { process?.signal(number) }

    /// The postmaster first, so that it starts no more children; then those it has.
    func signalAll(_ number: Int32) {
        guard let process else { return }
        process.signal(number)
        for child in children(of: process.pid) { Glibc.kill(child, number) }
    }

    /// Returns when all have gone, so that the next start finds no shared memory in use.
    func kill() async {
        guard let process else { return }
        process.signal(SIGSTOP)
        let children = children(of: process.pid)
        process.signal(SIGKILL)
        for child in children { Glibc.kill(child, SIGKILL) }
        await waitForExit()
        while children.contains(where: isAlive) { await Task.yield() }
    }

    private func children(of pid: pid_t) -> [pid_t] {
        let list = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        return list.split(separator: " ").compactMap { pid_t($0) }
    }

    /// False for a zombie too: it only waits for its parent.
    private func isAlive(_ pid: pid_t) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !stat.contains(") Z ") && !stat.contains(") X ")
    }

    func waitForExit() async {
        _ = await process?.waitForExit()
        process = nil
    }
}
