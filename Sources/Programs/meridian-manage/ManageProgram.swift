import ArgumentParser

/// What operators and playbooks do to a cloud's files and databases. Every verb may be repeated.
@main
struct ManageProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-manage", abstract: "Make keys, migrate databases, bootstrap the cloud, see to regions.",
        subcommands: [
            MigrateCommand.self, BootstrapCommand.self, KeysCommand.self, EnrolmentCommand.self, JoinCommand.self,
            RegionsCommand.self, RegionCommand.self,
        ])
}
