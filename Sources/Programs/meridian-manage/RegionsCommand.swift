import APIConventions
import ArgumentParser
import CloudModel
import Glance
import Keystone
import Nova
import RegionConfig

/// Looks at the files of a federation as the daemons will.
struct RegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions", abstract: "Look at region files.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check federation.yml, every region and policy/: file, line and key of what is wrong.")
        @Argument(help: "The folder with federation.yml and a folder for each region.") var folder: String

        func run() {
            reporting("regions check") {
                let all = try RegionFolder.load(folder)
                try checkPolicies()
                print("\(all.regions.count) regions: \(all.regions.map(\.name.rawValue).joined(separator: ", "))")
            }
        }

        /// As the API process does when it starts.
        private func checkPolicies() throws {
            let policies = try PolicyFolder.load("\(folder)/policy")
            for service in PolicyFolder.Service.allCases {
                guard let file = policies[service] else { continue }
                do {
                    switch service {
                    case .keystone: _ = try KeystoneService.policy(file.rules)
                    case .glance: _ = try GlanceService.policy(file.rules)
                    case .nova: _ = try NovaService.policy(file.rules)
                    }
                } catch let mistake as PolicyMistake {
                    throw file.wrong(mistake.rule, mistake.sentence)
                }
            }
        }
    }
}
