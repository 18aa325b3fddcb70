import Foundation

/// Why a program doesn't start: a sentence for the person at the terminal, and the exit status that scripts and supervisors
/// act on (sysexits.h).
package enum ProgramError: Error, CustomStringConvertible, Sendable {
    /// The command line asks for something impossible: exit 64.
    case usage(String)
    /// A file is missing, malformed or readable by the wrong people: exit 78.
    case configuration(String)
    /// Another copy runs: exit 75, try again when it has gone.
    case alreadyRunning(String)
    /// Something this program needs isn't there (a database, a port): exit 69.
    case unavailable(String)

    package var description: String {
        switch self {
        case .usage(let sentence), .configuration(let sentence), .alreadyRunning(let sentence), .unavailable(let sentence):
            sentence
        }
    }

    package var exitStatus: Int32 {
        switch self {
        case .usage: EX_USAGE
        case .configuration: EX_CONFIG
        case .alreadyRunning: EX_TEMPFAIL
        case .unavailable: EX_UNAVAILABLE
        }
    }

    /// Says the sentence on standard error and ends the process. For `main` only.
    package static func exit(program: String, _ error: any Error) -> Never {
        let status = (error as? ProgramError)?.exitStatus ?? EXIT_FAILURE
        FileHandle.standardError.write(Data("\(program): \(error)\n".utf8))
        Foundation.exit(status)
    }
}
