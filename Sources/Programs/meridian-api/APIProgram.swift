import ArgumentParser

/// The processes of the API cell.
@main
struct APIProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-api", abstract: "Run the API cell: the OpenStack APIs, or the super-scheduler.",
        subcommands: [APICommand.self, SuperSchedulerCommand.self])
}
