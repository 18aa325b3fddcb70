internal import CloudTestKit
internal import Foundation
internal import Logging

extension Logger {
    /// What the processes of a simulation say: nothing, or, with `MERIDIAN_JOURNEY_LOG=1`, everything on standard output, for the hunt with a
    /// seed that failed.
    static func journey(_ process: String) -> Logger {
        guard ProcessInfo.processInfo.environment["MERIDIAN_JOURNEY_LOG"] != nil else { return .silent }
        var logger = Logger(label: process, factory: StreamLogHandler.standardOutput(label:))
        logger.logLevel = .debug
        return logger
    }
}
