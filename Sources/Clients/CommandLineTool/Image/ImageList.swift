import ArgumentParser
import CloudClient

struct ImageList: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The images you may boot.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        output.list(
            ["ID", "Name", "Status", "Visibility", "Disk Format", "Size"],
            try await cloud.images().map { image in
                [
                    image["id"] ?? .null, image["name"] ?? .null, image["status"] ?? .null, image["visibility"] ?? .null,
                    image["disk_format"] ?? .null, image["size"] ?? .null,
                ]
            })
    }
}
