import ArgumentParser
import CloudModel
import Observability

/// What the federation knows of a region, beyond its files.
struct RegionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "region", abstract: "Remove a region from the federation.", subcommands: [Remove.self])

    /// Runs on the API host once the region's own services are stopped. May be repeated: what is gone already is passed over.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a region: its key, its place in the catalog, its cell, hosts and feeds.",
            discussion: """
                Refused while the region has servers, or is still in contact. With --force its servers end as deleted, whatever runs \
                on its hosts: for a region that burnt down.
                """)

        @Argument(help: "The region's name: tunis.")
        var name: String
        @Option(name: .long, help: "The folder with database.conninfo and enrolled/.")
        var etc = "/etc/meridian"
        @Flag(name: .long, help: "Also when it is in contact, or has servers, which then end as deleted.")
        var force = false
        @Flag(name: .long, help: "Only say what would be removed, or why it can't be.")
        var check = false

        func run() async {
            do {
                guard PlainName.fits(name) else {
                    throw ProgramError.usage("\(name) can't be a region: a name is \(PlainName.rule).")
                }
                let removal = RegionRemoval(region: CellName(name), etc: etc, force: force, check: check)
                try await withManagedDatabase(etc) { database in
                    for line in try await removal(in: database) { print(check ? "would remove \(line)" : "removed \(line)") }
                }
            } catch let error as CloudError {
                ProgramError.exit(program: "meridian-manage region remove", ProgramError.unavailable(error.message))
            } catch {
                ProgramError.exit(program: "meridian-manage region remove", error)
            }
        }
    }
}
