package import ArgumentParser
internal import Foundation
package import Logging
internal import Observability
package import RegionConfig
package import ServiceLifecycle
internal import UnixSignals

/// The options that every daemon has, and its start and stop: one pid file, one log, one group of services that SIGTERM ends in order.
package struct DaemonOptions: ParsableArguments {
    @Option(name: .long, help: "The folder with federation.yml, region.yml, keys and certificates.")
    package var etc = "/etc/meridian"
    @Option(name: .customLong("var"), help: "The folder for data, logs and pids.")
    package var state = "/var/lib/meridian"
    @Option(name: .long, help: "Where to write the process id [default: <var>/pids/<program>.pid].")
    package var pidFile: String?
    @Option(name: .long, help: "trace, debug, info, notice, warning or error.")
    package var logLevel = "info"

    package init() {}

    package var folders: ProgramFolders { ProgramFolders(etc: etc, state: state) }

    package func validate() throws {
        guard Logger.Level(rawValue: logLevel) != nil else {
            throw ValidationError("--log-level: there is no level \(logLevel).")
        }
    }

    /// Runs a daemon from its pid file to its last service; ends the process with a sentence when it can't.
    ///
    /// - Parameter services: makes what runs, in the order in which the later depend on the earlier; they stop from the last to the first.
    package func serve(_ program: String, _ services: (ProgramFolders, Logger) async throws -> [any Service]) async {
        Heaps.limit()
        do {
            for folder in [folders.pids, folders.log] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            let pid = try PIDFile(pidFile ?? "\(folders.pids)/\(program).pid")
            defer { pid.remove() }
            Log.bootstrap(program: program, directory: folders.log, level: Logger.Level(rawValue: logLevel) ?? .info)
            let log = Logger(label: program)
            let group = ServiceGroup(
                services: try await services(folders, log), gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
            log.info("started", metadata: ["pid": "\(ProcessInfo.processInfo.processIdentifier)"])
            try await group.run()
        } catch {
            ProgramError.exit(program: program, error)
        }
    }
}
