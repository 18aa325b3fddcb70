import ArgumentParser
import ComputeRecords
import Conductor
import Database
import Glance
import Keystone
import Logging
import Observability
import RegionConfig

/// Brings a database's schemas up to this release. Under an advisory lock, each migration once.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "migrate", abstract: "Bring a database up to this release.")

    enum Target: String, ExpressibleByArgument, CaseIterable { case api, cell }

    @Argument(help: "Which database: api (identity, images, compute) or cell.")
    var target: Target
    @Option(name: .long, help: "The folder with database.conninfo.")
    var etc = "/etc/meridian"

    func run() async {
        do {
            try await withManagedDatabase(etc) { database in
                switch target {
                case .api:
                    try await database.migrate(KeystoneMigrations.all, schema: KeystoneMigrations.schema)
                    try await database.migrate(GlanceMigrations.all, schema: GlanceMigrations.schema)
                    try await database.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
                case .cell:
                    try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
                }
            }
        } catch {
            ProgramError.exit(program: "meridian-manage migrate", error)
        }
    }
}

/// Opens the database that `etc` names, for one job.
func withManagedDatabase(_ etc: String, _ job: (Database) async throws -> Void) async throws {
    let log = Logger(label: "manage") { _ in SwiftLogNoOpLogHandler() }
    let database = Database(try DatabaseAddress(file: ProgramFolders(etc: etc).databaseConninfo), logger: log)
    do {
        try await job(database)
    } catch {
        await database.close()
        throw error
    }
    await database.close()
}
