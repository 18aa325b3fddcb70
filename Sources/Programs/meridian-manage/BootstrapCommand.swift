import ArgumentParser
import CloudModel
import ComputeRecords
import Database
import Foundation
import Keystone
import Nova
import Observability
import ProgramKit
import RegionConfig
import Tokens

/// Makes what nobody could log in without: roles, the projects and users admin and demo, the catalog, the first flavors.
struct BootstrapCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bootstrap", abstract: "Fill a new federation, or add what is missing.")

    @Option(name: .long, help: "The folder with federation.yml and database.conninfo.")
    var etc = "/etc/meridian"
    @Option(name: .long, help: "A file with the password of the user admin.")
    var adminPasswordFile: String
    @Option(name: .long, help: "A file with the password of the user demo; without it there is no such user.")
    var demoPasswordFile: String?

    func run() async {
        do {
            let folders = ProgramFolders(etc: etc)
            let urls = PublicURLs(try FederationFile.load(folders.federationFile))
            let adminPassword = try password(adminPasswordFile)
            let demoPassword = try demoPasswordFile.map(password)
            try await withManagedDatabase(etc) { database in
                // Cells bring their regions when they enrol; here only an address that has changed moves.
                let regions = try await CellEnrolments(database: database).enrolled().map {
                    AddRegion($0.cell.rawValue, urls: urls.region($0.cell))
                }
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

    private func password(_ file: String) throws -> String {
        let password: String
        do {
            password = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw ProgramError.configuration("\(file) can't be read: \(error.localizedDescription)")
        }
        guard !password.isEmpty else { throw ProgramError.configuration("\(file) is empty: it should hold a password.") }
        return password
    }
}
