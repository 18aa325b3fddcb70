import ArgumentParser
import CloudClient

/// The cloud at one glance.
struct StatusCommand: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "The cloud at one glance: services, cells, servers.")
    @OptionGroup var global: GlobalOptions

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let token = try await cloud.authenticated()
        async let asked = cloud.servers()
        async let told = cloud.cells()
        let (servers, cells) = (try await asked, try await told)
        let states = Dictionary(grouping: servers, by: \.status).mapValues(\.count).sorted { $0.key < $1.key }
        let stale = servers.filter(\.isStale).count
        output.record([
            ("Cloud", .string(cloud.settings.name)), ("User", .string("\(token.user) in \(token.project ?? "no project")")),
            ("Regions", .string(token.catalog.regions.joined(separator: ", "))),
            (
                "Cells",
                .string(cells.map { "\($0["name"]?.shown ?? "?") \($0["state"]?.shown ?? "?")" }.joined(separator: ", "))
            ),
            ("Servers", .string("\(servers.count)" + (stale > 0 ? ", \(stale) of them stale" : ""))),
            ("By status", .string(states.map { "\($0.key) \($0.value)" }.joined(separator: ", "))),
        ])
    }
}
