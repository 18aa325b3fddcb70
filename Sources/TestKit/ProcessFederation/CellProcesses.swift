package import CloudTestKit
import Database
import Foundation
package import Hypervisors
import Messaging

/// One region as processes: its conductor, its scheduler, its gateway, one process of simulated hosts, its PostgreSQL, and the link to the hub.
package final class CellProcesses: Sendable {
    package let name: String
    package let database: PostgresCluster
    package let conductor: SupervisedProcess
    package let scheduler: SupervisedProcess
    package let gateway: SupervisedProcess
    package let hosts: SupervisedProcess
    private let gatewayPort: Int
    private let links: [Relay]
    private let state: String

    /// Everything is made and started; that it is in contact is for the caller to wait for.
    init(
        _ name: String, folder: String, database: PostgresCluster, links: [Relay], ports: CellPorts, hosts count: Int,
        bootMilliseconds: Int, failRate: Double, sharedLink: Bool
    ) {
        self.name = name
        self.database = database
        self.links = links
        let state = "\(folder)/var"
        self.state = state
        gatewayPort = ports.gateway
        let folders = ["--etc", "\(folder)/etc", "--var", state]
        func run(_ role: String, _ program: String, _ arguments: [String]) -> SupervisedProcess {
            SupervisedProcess(
                "\(role) of \(name)", [Programs.path(program)] + arguments + folders, log: "\(folder)/\(role).output")
        }
        conductor = run("conductor", "meridian-cell", ["conductor"])
        scheduler = run("scheduler", "meridian-cell", ["scheduler"])
        gateway = run("gateway", "meridian-cell", ["gateway"])
        hosts = run(
            "hosts", "meridian-sim",
            ["--hosts", "\(count)", "--enrol", "--boot-milliseconds", "\(bootMilliseconds)", "--fail-rate", "\(failRate)"]
                + (sharedLink ? ["--shared-link"] : []))
    }

    package var processes: [SupervisedProcess] { [conductor, scheduler, gateway, hosts] }

    // MARK: The link

    package func cut(_ directions: [Relay.Direction] = Relay.Direction.allCases) { for link in links { link.cut(directions) } }

    package func heal() { for link in links { link.heal() } }

    // MARK: The cache

    /// Asks the gateway for an image's data, with a host's grant and proof.
    package func fetchImage(_ path: String, grant: String, proof: String) async throws -> HTTPAnswer {
        try await HTTP.send(
            "GET", port: gatewayPort, path, headers: ["X-Meridian-Grant": grant, "X-Meridian-Proof": proof])
    }

    // MARK: Witnesses

    /// What each host's hypervisor has and ever had.
    package func journals() throws -> [String: SimulationJournal.Contents] {
        let folder = "\(state)/instances"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".journal") }
        return try Dictionary(
            uniqueKeysWithValues: files.map {
                (String($0.dropLast(".journal".count)), try SimulationJournal.read("\(folder)/\($0)"))
            })
    }

    func takeDown() async {
        for process in processes { await process.takeDown() }
        for link in links { link.stop() }
        await database.resume()
        await database.stop()
    }
}

/// The key pairs of one federation, written where each program looks for them.
struct Keys {
    let hub = CurveKeyPair.generate()
    let api = CurveKeyPair.generate()

    /// Makes `folder`/keys and `folder`/enrolled.
    static func folders(in folder: String) throws {
        for name in ["keys", "enrolled"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
    }

    func write(api folder: String) throws {
        try Self.folders(in: folder)
        try hub.write(to: "\(folder)/keys/hub_meridian.secret")
        try hub.writePublicKey(to: "\(folder)/keys/hub.pub")
        try api.write(to: "\(folder)/keys/api_api.secret")
        try api.writePublicKey(to: "\(folder)/enrolled/api_api.key")
    }

    /// The keys of one region's control host. That the hub knows the cell's is another step.
    func write(region: String, _ folder: String) throws {
        try Self.folders(in: folder)
        let (cell, scheduler) = (CurveKeyPair.generate(), CurveKeyPair.generate())
        try hub.writePublicKey(to: "\(folder)/keys/hub.pub")
        try cell.write(to: "\(folder)/keys/cell_\(region).secret")
        try cell.writePublicKey(to: "\(folder)/keys/cell.pub")
        try scheduler.write(to: "\(folder)/keys/scheduler_\(region).secret")
        try scheduler.writePublicKey(to: "\(folder)/enrolled/scheduler_\(region).key")
    }
}
