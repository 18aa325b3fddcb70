import ArgumentParser
import CloudModel
import Database
import Foundation
import Keystone
import Nova
import Observability
import ProgramKit
import RegionConfig
import Tokens

/// Makes what nobody could log in without: roles, the projects and users admin and demo, the catalog of all regions, the first flavors.
struct BootstrapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bootstrap", abstract: "Fill a new federation, or add what is missing.")

    @Option(name: .long, help: "The folder with federation.yml, regions/ and database.conninfo.")
    var etc = "/etc/meridian"
    @Option(name: .long, help: "A file with the password of the user admin.")
    var adminPasswordFile: String
    @Option(name: .long, help: "A file with the password of the user demo; without it there is no such user.")
    var demoPasswordFile: String?

    func run() async {
        do {
            let folders = ProgramFolders(etc: etc)
            let urls = PublicURLs(try FederationFile.load(folders.federationFile))
            let regions = try regionFiles(in: "\(etc)/regions").map { file in
                let region = try RegionFile.load(file)
                return KeystoneBootstrap.Region(
                    name: region.name.rawValue, description: region.description, urls: urls.region(region.name))
            }
            let adminPassword = try password(adminPasswordFile)
            let demoPassword = try demoPasswordFile.map(password)
            try await withManagedDatabase(etc) { database in
                let keystone = KeystoneBootstrap(database: database, hasher: try PasswordHasher())
                var made = try await keystone.run(adminPassword: adminPassword, publicURLs: urls.federation, regions: regions)
                if let demoPassword {
                    made += try await keystone.user("demo", password: demoPassword, project: "demo", roles: ["member"])
                }
                try await BootstrapFlavors.add(to: database)
                for line in made { print("made \(line)") }
            }
        } catch {
            ProgramError.exit(program: "meridian-manage bootstrap", error)
        }
    }

    private func regionFiles(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yml") }.sorted().map {
            "\(folder)/\($0)"
        }
    }

    private func password(_ file: String) throws -> String {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw ProgramError.configuration("\(file) can't be read.")
        }
        let password = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !password.isEmpty else { throw ProgramError.configuration("\(file) is empty: it should hold a password.") }
        return password
    }
}
