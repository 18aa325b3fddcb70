import ArgumentParser
import CloudModel
import RegionConfig

/// Looks at the files of a federation as the daemons will.
struct RegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions", abstract: "Look at region files.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check federation.yml and every region: file, line and key of what is wrong.")
        @Argument(help: "The folder with federation.yml and a folder for each region.") var folder: String

        func run() {
            reporting("regions check") {
                let all = try RegionFolder.load(folder)
                print("\(all.regions.count) regions: \(all.regions.map(\.name.rawValue).joined(separator: ", "))")
            }
        }
    }
}
