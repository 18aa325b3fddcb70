import CloudTestKit
import Foundation

/// Makes what an operator's playbook makes: folders, keys, configuration, migrated and filled databases.
struct Setup: Sendable {
    let plan: ProcessFederation.Plan
    let folder: String
    let ports: APIPorts
    let databases: [String: PostgresCluster]
    private let cellPorts: [String: CellPorts]
    private let keys = Keys()

    init(plan: ProcessFederation.Plan, folder: String, ports: APIPorts, databases: [String: PostgresCluster]) {
        self.plan = plan
        self.folder = folder
        self.ports = ports
        self.databases = databases
        cellPorts = Dictionary(uniqueKeysWithValues: plan.regions.map { ($0, CellPorts()) })
    }

    func prepare() async throws {
        let etc = "\(folder)/api/etc"
        try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
        try write(federation(hub: (ports.hubControl, ports.hubBulk)), to: "\(etc)/federation.yml")
        try keys.write(api: etc)
        try FileManager.default.createDirectory(atPath: "\(etc)/policy", withIntermediateDirectories: true)
        for (service, text) in plan.policies { try write(text, to: "\(etc)/policy/\(service).yaml") }
        for user in ["admin", "demo"] { try write(Tenant.password(of: user), to: "\(etc)/\(user).password", mode: 0o600) }
        for region in plan.regions {
            let etc = "\(folder)/\(region)/etc"
            try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
            try write(ConfigurationText.region(region, try ports(of: region)), to: "\(etc)/region.yml")
            try keys.write(region: region, etc)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await prepareAPI() }
            for region in plan.regions {
                group.addTask { try await migrate("cell", etc: "\(folder)/\(region)/etc", on: region) }
            }
            try await group.waitForAll()
        }
    }

    private func prepareAPI() async throws {
        let etc = "\(folder)/api/etc"
        try await manage(["keys", "fernet-init", "--out", "\(etc)/fernet"])
        try await manage(["keys", "grants", "--out", "\(etc)/grants"])
        try await migrate("api", etc: etc, on: "top")
        try await manage([
            "bootstrap", "--etc", etc, "--admin-password-file", "\(etc)/admin.password", "--demo-password-file",
            "\(etc)/demo.password",
        ])
        for region in plan.regions where !plan.strangers.contains(region) {
            try await manage([
                "enrolment", "admit", "--etc", etc, "--cell", region, "--key-file", "\(folder)/\(region)/etc/keys/cell.pub",
            ])
        }
    }

    /// Starts each region's processes, behind relays of its own.
    func startCells() throws -> [String: CellProcesses] {
        var cells: [String: CellProcesses] = [:]
        for region in plan.regions {
            let links = [try Relay(to: ports.hubControl), try Relay(to: ports.hubBulk)]
            try write(federation(hub: (links[0].port, links[1].port)), to: "\(folder)/\(region)/etc/federation.yml")
            guard let database = databases[region] else { throw ProcessFederationError("\(region) has no database.") }
            cells[region] = CellProcesses(
                region, folder: "\(folder)/\(region)", database: database, links: links, ports: try ports(of: region),
                hosts: plan.hostsPerRegion, bootMilliseconds: plan.bootMilliseconds, failRate: plan.failRate,
                sharedLink: plan.sharedLinks)
        }
        return cells
    }

    private func migrate(_ kind: String, etc: String, on name: String) async throws {
        guard let cluster = databases[name] else { throw ProcessFederationError("\(name) has no database.") }
        try await cluster.createDatabase("meridian")
        try write(cluster.conninfo(database: "meridian"), to: "\(etc)/database.conninfo", mode: 0o600)
        try await manage(["migrate", kind, "--etc", etc])
    }

    private func manage(_ arguments: [String]) async throws {
        try await Programs.run(
            "meridian-manage", arguments, log: "\(folder)/manage-\(arguments.prefix(2).joined(separator: "-")).output")
    }

    private func federation(hub: (control: Int, bulk: Int)) -> String {
        ConfigurationText.federation(ports, hub: hub, timing: plan.timing)
    }

    private func ports(of region: String) throws -> CellPorts {
        guard let ports = cellPorts[region] else { throw ProcessFederationError("There is no region \(region).") }
        return ports
    }

    private func write(_ text: String, to file: String, mode: Int = 0o644) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    }
}
