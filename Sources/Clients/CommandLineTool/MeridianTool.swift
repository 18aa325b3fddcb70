import ArgumentParser
import CloudClient
import Foundation

/// The program `meridian`: parses, runs one verb, and says how it ended in the exit code (docs/cli.md).
package enum MeridianTool {
    /// `arguments` without the program's name.
    package static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try MeridianCommand.parseAsRoot(GlobalOptions.movedToTheEnd(arguments))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return ExitStatus.done.rawValue
        } catch let error as ToolFailure {
            complain(error.message)
            return error.status.rawValue
        } catch let error as CloudClientError {
            complain(error.description)
            return ExitStatus(error).rawValue
        } catch {
            let code = MeridianCommand.exitCode(for: error)
            let message = MeridianCommand.fullMessage(for: error)
            guard code != .success else {
                if !message.isEmpty { print(message) }
                return ExitStatus.done.rawValue
            }
            complain(message, prefix: "")
            return (code == .validationFailure ? ExitStatus.usage : .refused).rawValue
        }
    }

    static func complain(_ message: String, prefix: String = "meridian: ") {
        FileHandle.standardError.write(Data("\(prefix)\(message)\n".utf8))
    }
}

/// How the program ends. Scripts rely on these numbers; docs/cli.md lists them.
enum ExitStatus: Int32 {
    case done = 0
    /// The cloud said no, or has no such thing.
    case refused = 1
    /// The command line, `clouds.yaml` or a variable is wrong.
    case usage = 2
    /// No answer from the cloud.
    case unreachable = 3
    /// What was waited for ended in ERROR.
    case endedInError = 4
    /// What was waited for didn't come in time.
    case waitedInVain = 5

    init(_ error: CloudClientError) {
        self =
            switch error {
            case .settings: .usage
            case .unreachable: .unreachable
            case .refused(let status, _, _): [502, 503, 504].contains(status) ? .unreachable : .refused
            case .unreadable, .notFound, .ambiguous: .refused
            }
    }
}

/// A verb that ended badly in a way of its own.
struct ToolFailure: Error {
    let status: ExitStatus
    let message: String
}
