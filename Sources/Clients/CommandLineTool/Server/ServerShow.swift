import ArgumentParser
import CloudClient

struct ServerShow: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "All that is known of a server.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let summary = try await cloud.findServer(server)
        var fields = try await cloud.server(summary.id).object ?? [:]
        for key in ["links", "os-extended-volumes:volumes_attached"] { fields[key] = nil }
        fields["region"] = JSON(summary.region)
        fields["host"] = JSON(summary.host)
        fields["power"] = .string(summary.power)
        fields["fresh"] = .string(Wording.freshness(summary.age, isStale: summary.isStale))
        for key in ["image", "flavor"] {
            if let id = fields[key]?["id"] ?? fields[key]?["original_name"] { fields[key] = id }
        }
        let first = ["id", "name", "region", "host", "status", "power", "fresh"]
        let order = first + fields.keys.filter { !first.contains($0) }.sorted()
        output.record(order.compactMap { key in fields[key].map { (key, $0) } })
    }
}
