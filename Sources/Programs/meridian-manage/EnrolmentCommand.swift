import ArgumentParser
import CellProtocol
import CloudModel
import ComputeRecords
import Database
import Foundation
import Keystone
import Messaging
import Observability
import ProgramKit
import RegionConfig

/// Which child cells are let into the federation. On the API host.
struct EnrolmentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrolment", abstract: "Let cells into the federation.",
        subcommands: [Create.self, List.self, Revoke.self, Admit.self])

    /// What every verb needs.
    struct Place: ParsableArguments {
        @Option(name: .long, help: "The folder with federation.yml and database.conninfo.")
        var etc = "/etc/meridian"

        func run(_ verb: String, _ job: (Database, Federation) async throws -> Void) async {
            do {
                let federation = try FederationFile.load(ProgramFolders(etc: etc).federationFile)
                try await withManagedDatabase(etc) { try await job($0, federation) }
            } catch let error as CloudError {
                ProgramError.exit(program: "meridian-manage enrolment \(verb)", ProgramError.unavailable(error.message))
            } catch {
                ProgramError.exit(program: "meridian-manage enrolment \(verb)", error)
            }
        }
    }

    /// A token for one cell, on standard output.
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token with which a cell can join, once.",
            discussion: "Give it to `meridian-manage join` on the region's control host. It is shown here and kept nowhere.")
        @OptionGroup var place: Place
        @Option(name: .long, help: "The cell's name: tunis.") var cell: String
        @Option(name: .long, help: "How long it is good for: 90s, 15m, 1h, 2d.") var ttl = TokenLifetime(seconds: 3_600)
        @Flag(name: .long, help: "It may give the cell another key than it has, as when its control host was lost.")
        var replace = false

        func run() async {
            await place.run("create") { database, federation in
                let name = try cellName(cell, federation)
                let token = try await CellEnrolments(database: database)
                    .issue(for: name, lifetime: .seconds(ttl.seconds), replaces: replace)
                print(token.text)
            }
        }
    }

    /// Cells with their keys, then open tokens.
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the cells that are let in, and tokens that weren't used.")
        @OptionGroup var place: Place

        func run() async {
            await place.run("list") { database, _ in
                let enrolments = CellEnrolments(database: database)
                for one in try await enrolments.enrolled() { print("cell  \(one.cell)  \(one.key)  since \(one.since)") }
                for one in try await enrolments.openTickets() {
                    let kind = one.replaces ? "  may replace its key" : ""
                    print("token \(one.cell)  \(one.id)  \(one.isExpired ? "expired" : "until") \(one.expires)\(kind)")
                }
            }
        }
    }

    /// A token that shall not be used.
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take a token back that wasn't used.")
        @OptionGroup var place: Place
        @Argument(help: "Its eight characters in `enrolment list`.") var id: String

        func run() async {
            await place.run("revoke") { database, _ in
                let cells = try await CellEnrolments(database: database).revoke(id)
                guard !cells.isEmpty else { throw ProgramError.usage("There is no open token \(id).") }
                for cell in cells { print("revoked \(id) of \(cell)") }
            }
        }
    }

    /// Without a token: by a key that an operator has brought.
    struct Admit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a cell in by its public key, without a token.",
            discussion:
                "For a cell that can't reach the API while it is set up. What a token does, with the operator as its bearer.")
        @OptionGroup var place: Place
        @Option(name: .long, help: "The cell's name: tunis.") var cell: String
        @Option(name: .long, help: "A file with its public key, as `keys generate` writes it.") var keyFile: String
        @Option(name: .long, help: "What the catalog says of the region.") var description = ""
        @Flag(name: .long, help: "Also when it has another key.") var replace = false

        func run() async {
            await place.run("admit") { database, federation in
                let name = try cellName(cell, federation)
                guard let key = CurvePublicKey(try CurveKeyPair.loadPublicKey(keyFile)) else {
                    throw ProgramError.configuration("\(keyFile) holds no key.")
                }
                let isNew = try await CellEnrolments(database: database).admit(name, key: key, replaces: replace)
                let region = AddRegion(
                    name.rawValue, description: description, urls: PublicURLs(federation).region(name))
                for line in try await region(in: database) { print("made \(line)") }
                print("\(name) \(isNew ? "is let in" : "was let in before")")
            }
        }
    }
}

/// How long a token is good for, as people write it.
struct TokenLifetime: ExpressibleByArgument {
    let seconds: Int

    /// Longer, and a token is a password.
    static let longest = 7 * 86_400
    private static let units = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]

    init(seconds: Int) { self.seconds = seconds }

    init?(argument: String) {
        guard let unit = Self.units[String(argument.suffix(1))], let count = Int(argument.dropLast()),
            (1...Self.longest).contains(count), count * unit <= Self.longest
        else { return nil }
        seconds = count * unit
    }

    var defaultValueDescription: String { "1h" }
}

/// A name that a cell can have.
private func cellName(_ text: String, _ federation: Federation) throws -> CellName {
    guard PlainName.fits(text) else { throw ProgramError.usage("\(text) can't be a cell: a name is \(PlainName.rule).") }
    guard text != federation.name, text != AddRegion.federation else {
        throw ProgramError.usage("\(text) is the federation itself; none of its cells can have that name.")
    }
    return CellName(text)
}
