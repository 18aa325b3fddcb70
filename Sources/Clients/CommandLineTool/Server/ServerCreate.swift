import ArgumentParser
import CloudClient
import Foundation

struct ServerCreate: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Boot a server, somewhere or where you say.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The new server's name.") var name: String
    @Option(help: "Name or id of the image.") var image: String
    @Option(help: "Name or id of the flavor.") var flavor: String
    @Option(help: "Zone or region; nothing means anywhere.") var availabilityZone: String?
    @Option(help: "Network: none, auto, or the id of one.") var nic = "none"
    @Option(help: "A key pair's name.") var keyName: String?
    @Option(help: "A file that the guest reads at its first boot.") var userData: String?
    @Option(help: "Metadata, KEY=VALUE; may be repeated.") var property: [String] = []
    @Option(help: "A hint for the scheduler, KEY=VALUE; may be repeated.") var hint: [String] = []
    @Option(help: "How many.") var count = 1
    @Flag(help: "Wait until it is ACTIVE or in ERROR.") var wait = false
    @Option(help: "Seconds to wait at most.") var timeout = 600

    func validate() throws {
        guard count >= 1 else { throw ValidationError("--count must be at least 1.") }
        for pair in property + hint where !pair.contains("=") {
            throw ValidationError("\(pair) is not of the form KEY=VALUE.")
        }
    }

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let body = try await body(in: cloud)
        let made = try await cloud.createServer(body, hints: Self.pairs(hint))
        guard let id = made["id"]?.string else { throw CloudClientError.unreadable("The cloud's answer holds no server.") }
        if wait { _ = try await Waiting(for: ["ACTIVE"], seconds: timeout).wait(for: id, in: cloud) }
        let server = try await cloud.server(id)
        output.record([
            ("ID", .string(id)), ("Name", server["name"] ?? .string(name)), ("Status", server["status"] ?? .null),
            ("Task", server["OS-EXT-STS:task_state"] ?? .null), ("Zone", server["OS-EXT-AZ:availability_zone"] ?? .null),
            ("Admin password", made["adminPass"] ?? .null),
        ])
    }

    private func body(in cloud: CloudSession) async throws -> [String: JSON] {
        var body: [String: JSON] = ["name": .string(name)]
        body["imageRef"] = try await cloud.findImage(image)["id"]
        body["flavorRef"] = try await cloud.findFlavor(flavor)["id"]
        switch nic {
        case "none", "auto": body["networks"] = .string(nic)
        default: body["networks"] = .array([.object(["uuid": .string(nic)])])
        }
        if let availabilityZone { body["availability_zone"] = .string(availabilityZone) }
        if let keyName { body["key_name"] = .string(keyName) }
        if let userData {
            guard let data = FileManager.default.contents(atPath: userData) else {
                throw CloudClientError.settings("\(userData) can't be read.")
            }
            body["user_data"] = .string(data.base64EncodedString())
        }
        if !property.isEmpty { body["metadata"] = .object(Self.pairs(property)) }
        if count > 1 {
            body["min_count"] = .int(count)
            body["max_count"] = .int(count)
        }
        return body
    }

    private static func pairs(_ texts: [String]) -> [String: JSON] {
        var pairs: [String: JSON] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            pairs[parts[0]] = .string(parts[1])
        }
        return pairs
    }
}
