import ArgumentParser
import CloudClient

struct ServerList: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Every server: region, host, status, task, power, and how fresh that is.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Those of all projects (administrators).") var allProjects = false
    @Option(help: "Only servers with this status.") var status: String?
    @Option(name: .customLong("region"), help: "Only servers in this region.") var inRegion: String?
    @Flag(help: "Show ids and projects too.") var long = false

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let servers = try await cloud.servers(allProjects: allProjects).filter { server in
            (status.map { $0.uppercased() == server.status } ?? true) && (inRegion.map { $0 == server.region } ?? true)
        }
        var columns = ["Name", "Region", "Host", "Status", "Task", "Power", "Fresh"]
        if long || output.format != .table { columns = ["ID"] + columns + ["Project"] }
        output.list(
            columns,
            servers.map { server in
                var row: [JSON] = [
                    .string(server.name), JSON(server.region), JSON(server.host), .string(server.status), JSON(server.task),
                    .string(server.power), .string(Wording.freshness(server.age, isStale: server.isStale)),
                ]
                if long || output.format != .table { row = [.string(server.id)] + row + [JSON(server.project)] }
                return row
            })
    }
}
