import ArgumentParser
import CellProtocol
import Foundation
import Messaging
import Observability
import Tokens

/// Makes keys. Never overwrites one.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make or rotate keys.",
        subcommands: [Generate.self, FernetInit.self, FernetRotate.self, Grants.self])

    /// The key of one process on the message bus.
    struct Generate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a CURVE key pair: ROLE_NAME.secret, and ROLE_NAME.key with the public half.")
        @Option(name: .long, help: "hub, api, cell, scheduler or host.") var role: String
        @Option(name: .long, help: "The process's name: tunis, compute-1.tunis.") var name: String
        @Option(name: .long, help: "The folder to write to.") var out: String

        func run() {
            reporting("keys generate") {
                guard let peer = PeerName("\(role):\(name)") else {
                    throw ProgramError.configuration(
                        "\(role):\(name) can't be a peer: a role, then letters, digits, dots and dashes.")
                }
                let file = "\(out)/\(peer.role.rawValue)_\(peer.name)"
                guard !FileManager.default.fileExists(atPath: "\(file).secret") else {
                    throw ProgramError.configuration("\(file).secret is there already; it is not overwritten.")
                }
                let keys = CurveKeyPair.generate()
                try keys.write(to: "\(file).secret")
                try keys.writePublicKey(to: "\(file).key")
                print("\(file).key")
            }
        }
    }

    /// The first keys of tokens.
    struct FernetInit: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fernet-init", abstract: "Make the first token keys, if there are none.")
        @Option(name: .long, help: "The folder of the keys.") var out: String

        func run() {
            reporting("keys fernet-init") {
                print(
                    try FernetKeyRing.create(directory: out)
                        ? "made token keys in \(out)" : "there are token keys in \(out) already")
            }
        }
    }

    /// The staged key becomes the primary one; tokens of the last keys stay valid.
    struct FernetRotate: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "fernet-rotate", abstract: "Rotate the token keys.")
        @Option(name: .long, help: "The folder of the keys.") var out: String

        func run() {
            reporting("keys fernet-rotate") {
                try FernetKeyRing(directory: out).rotate()
                print("rotated the token keys in \(out)")
            }
        }
    }

    /// The key that signs grants for images.
    struct Grants: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the Ed25519 key that signs image grants, if there is none.")
        @Option(name: .long, help: "The folder of the key.") var out: String

        func run() {
            reporting("keys grants") {
                let file = "\(out)/signing.key"
                guard !FileManager.default.fileExists(atPath: file) else { return print("\(file) is there already") }
                try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
                try GrantSigningKey.generate().write(to: file)
                print("made \(file)")
            }
        }
    }
}

/// Runs a verb and ends the program with a sentence when it fails.
func reporting(_ verb: String, _ body: () throws -> Void) {
    do {
        try body()
    } catch {
        ProgramError.exit(program: "meridian-manage \(verb)", error)
    }
}
