import ArgumentParser
import CloudClient
import CloudModel
import Foundation
import Messaging
import Observability
import RegionConfig

/// Brings this region's cell into the federation. On its control host; may be repeated.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Let this region's cell join the federation, with an enrolment token.",
        discussion: """
            Makes the cell's key if there is none (its secret half never leaves this machine), brings the public half and the token to the \
            API cell over HTTPS, and keeps the hub's key that it is told. `meridian-manage enrolment create` makes the token.
            """)

    @Option(name: .long, help: "The folder with federation.yml, region.yml, keys/ and tls/ca.pem.")
    var etc = "/etc/meridian"
    @Option(name: .long, help: "A file with the enrolment token.")
    var tokenFile: String
    @Option(name: .long, help: "For how many seconds to try when the API doesn't answer.")
    var patience = 60

    func run() async {
        do {
            let folders = ProgramFolders(etc: etc)
            let (federation, region) = (
                try FederationFile.load(folders.federationFile), try RegionFile.load(folders.regionFile)
            )
            let token = try token()
            let keys = try cellKeys(folders, region)
            let top = federation.apiCell
            let join = JoinFederation(
                url: "\(top.scheme)://\(top.address):\(top.ports.compute)", authorities: top.tls ? folders.authority : nil)
            let welcome = try await join(
                token: token, cell: region.name.rawValue, publicKey: keys.publicKey, description: region.description,
                patience: .seconds(patience))
            guard welcome.federation == federation.name else {
                throw ProgramError.configuration(
                    "\(top.address) is the federation \(welcome.federation), and \(folders.federationFile) says \(federation.name)."
                )
            }
            try keep(hubKey: welcome.hubKey, folders)
            print("\(region.name) \(welcome.isNew ? "has joined" : "was in") \(federation.name)")
        } catch let error as CloudClientError {
            ProgramError.exit(program: "meridian-manage join", ProgramError.unavailable("\(error)"))
        } catch {
            ProgramError.exit(program: "meridian-manage join", error)
        }
    }

    private func token() throws -> String {
        do {
            return try String(contentsOfFile: tokenFile, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw ProgramError.configuration("\(tokenFile) can't be read: \(error.localizedDescription)")
        }
    }

    /// On disk before anybody is told of it: a key that was enrolled and then lost would lock the cell out. Of two joins at once both take the
    /// one that was there first.
    private func cellKeys(_ folders: ProgramFolders, _ region: Region) throws -> CurveKeyPair {
        let file = folders.secretKey(role: "cell", name: region.name.rawValue)
        if !FileManager.default.fileExists(atPath: file) {
            try FileManager.default.createDirectory(atPath: folders.keys, withIntermediateDirectories: true)
            try CurveKeyPair.generate().writeNew(to: file)
            try giveToOwner(of: folders.keys, file)
        }
        let keys = try CurveKeyPair.load(file)
        // What the region's hosts and its scheduler dial.
        try keys.writePublicKey(to: folders.cellKey)
        return keys
    }

    /// Run by root, this makes files that the conductor's user must read.
    private func giveToOwner(of folder: String, _ file: String) throws {
        var status = stat()
        guard stat(folder, &status) == 0, chown(file, status.st_uid, status.st_gid) == 0 else {
            throw ProgramError.unavailable(
                "\(file) can't be given to the owner of \(folder): \(String(cString: strerror(errno))).")
        }
    }

    private func keep(hubKey: String, _ folders: ProgramFolders) throws {
        guard FileManager.default.fileExists(atPath: folders.hubKey) else {
            return try CurveKeyPair.writePublicKey(hubKey, to: folders.hubKey)
        }
        guard try CurveKeyPair.loadPublicKey(folders.hubKey) == hubKey else {
            throw ProgramError.configuration(
                "\(folders.hubKey) is another key than the hub's, which is \(hubKey). Remove the file if it is out of date.")
        }
    }
}
