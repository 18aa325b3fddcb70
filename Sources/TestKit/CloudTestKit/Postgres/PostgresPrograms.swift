import Foundation
import Glibc

/// PostgreSQL's own programs, as Debian installs them; the newest version found.
enum PostgresPrograms {
    private static let directory: String = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return "\(root)/\(versions.compactMap { Int($0) }.max() ?? 15)/bin"
    }()

    /// How to start one. PostgreSQL refuses to run as root, so root starts it as the user `postgres`.
    static func command(_ program: String, _ arguments: [String]) -> [String] {
        let command = ["\(directory)/\(program)"] + arguments
        guard getuid() == 0 else { return command }
        return ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] + command
    }
}

/// The data directory of an empty server, made once per process by initdb and copied for each cluster.
actor DataTemplate {
    static let only = DataTemplate()
    private var scratch: ScratchDirectory?
    private var making: Task<String, any Error>?

    func path() async throws -> String {
        if let making { return try await making.value }
        let scratch = try ScratchDirectory()
        self.scratch = scratch
        let task = Task { try await Self.make(in: scratch) }
        making = task
        return try await task.value
    }

    private static func make(in scratch: ScratchDirectory) async throws -> String {
        let data = "\(scratch.path)/data"
        let log = "\(scratch.path)/log"
        let initdb = try ChildProcess(
            PostgresPrograms.command(
                "initdb",
                [
                    "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--no-instructions", "--encoding=UTF8",
                    "--locale=C.UTF-8",
                ]), log: log)
        guard await initdb.waitForExit() == 0 else {
            throw PostgresClusterError("initdb failed:\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
        }
        return data
    }
}

/// Why a test's PostgreSQL is not there.
package struct PostgresClusterError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
