import CloudTestKit
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
        let status = try await onThread { Spawn.wait(for: try Spawn.startBound(command, log: log)) }
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

extension Spawn {
    /// Starts `command[0]`, which is killed when the calling thread ends, and so with this process however it ends. Its output is
    /// appended to `log`.
    static func startBound(_ command: [String], log: String) throws -> pid_t {
        // A crash should end the program, not start a debugger.
        try start(["setpriv", "--pdeathsig", "KILL"] + command, log: log, settings: ["SWIFT_BACKTRACE=enable=no"])
    }
}
