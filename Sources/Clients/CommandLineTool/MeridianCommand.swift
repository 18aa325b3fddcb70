import ArgumentParser
import CloudModel

/// The root of all verbs.
struct MeridianCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian",
        abstract: "Servers, cells and hosts of a federated cloud, with where they are, how fresh that is, and why.",
        discussion: """
            Clouds are read from clouds.yaml and OS_* variables, as OpenStack's own clients do; --os-cloud chooses one.
            Names and ids are accepted everywhere.
            """,
        version: "meridian \(Release.current)",
        subcommands: [
            ServerCommand.self, CellCommand.self, HostCommand.self, ImageCommand.self, FlavorCommand.self, EventCommand.self,
            TokenCommand.self, StatusCommand.self, CompletionCommand.self,
        ])
}

struct ServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server", abstract: "Servers in every region.",
        subcommands: [
            ServerList.self, ServerShow.self, ServerCreate.self, ServerDelete.self, ServerStart.self, ServerStop.self,
            ServerReboot.self, ServerConsole.self, ServerTrace.self, ServerExplain.self, ServerWait.self,
        ])
}

struct CellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cell", abstract: "Child cells: one per region.",
        subcommands: [CellList.self, CellShow.self, CellDrain.self, CellResume.self, CellDrift.self])
}

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "Compute hosts.", subcommands: [HostList.self])
}

struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Images to boot from.", subcommands: [ImageList.self])
}

struct FlavorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flavor", abstract: "Sizes of servers.", subcommands: [FlavorList.self])
}

struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event", abstract: "What happens, in order.", subcommands: [EventWatch.self])
}

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens of the identity service.", subcommands: [TokenIssue.self])
}
