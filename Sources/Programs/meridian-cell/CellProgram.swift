import ArgumentParser

/// The processes of a region's control host.
@main
struct CellProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-cell", abstract: "Run a child cell: its conductor, its scheduler, or its gateway.",
        subcommands: [ConductorCommand.self, SchedulerCommand.self, GatewayCommand.self])
}
