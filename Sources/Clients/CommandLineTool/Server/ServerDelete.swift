import ArgumentParser
import CloudClient

struct ServerDelete: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "delete", abstract: "Delete servers.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Names or ids.") var servers: [String]
    @Flag(help: "Wait until they are gone.") var wait = false
    @Option(help: "Seconds to wait at most.") var timeout = 300

    func run(in cloud: CloudSession, _ output: Output) async throws {
        var ids: [String] = []
        for name in servers { ids.append(try await cloud.findServer(name).id) }
        for id in ids { try await cloud.deleteServer(id) }
        guard wait else { return }
        for id in ids { try await Waiting(for: [], seconds: timeout).waitUntilGone(id, in: cloud) }
    }
}
