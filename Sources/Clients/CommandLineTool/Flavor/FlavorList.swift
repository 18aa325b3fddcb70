import ArgumentParser
import CloudClient

struct FlavorList: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The sizes that servers come in.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        output.list(
            ["ID", "Name", "vCPUs", "RAM", "Disk", "Public"],
            try await cloud.flavors().map { flavor in
                [
                    flavor["id"] ?? .null, flavor["name"] ?? .null, flavor["vcpus"] ?? .null, flavor["ram"] ?? .null,
                    flavor["disk"] ?? .null, flavor["os-flavor-access:is_public"] ?? .null,
                ]
            })
    }
}
