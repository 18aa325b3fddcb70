import ArgumentParser
import CellProtocol
import CloudModel
import Conductor
import Database
import Messaging
import Observability
import ProgramKit
import RegionConfig

/// The conductor: listens to its hosts and its scheduler, dials the hub.
struct ConductorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conductor", abstract: "Reserve hosts, carry out intents, and report to the API cell.")

    @OptionGroup var daemon: DaemonOptions

    func run() async {
        await daemon.serve("meridian-conductor") { folders, log in
            let region = try RegionFile.load(folders.regionFile)
            let federation = try FederationFile.load(folders.federationFile)
            let (cell, top) = (region.childCell, federation.apiCell)
            let database = Database(try DatabaseAddress(file: folders.databaseConninfo), logger: log)
            let hub = PeerName.hub(federation.name)
            var limits = MessagingLimits()
            limits.silentAfter = federation.timing.conductorPatience
            // Guests of a region that runs real ones are nothing that a simulator may report on, whatever is enrolled.
            let takesSimulators = region.computeHost.hypervisor == .simulated
            // All hosts of a link are woken at once.
            if takesSimulators { limits.highWaterMark = max(limits.highWaterMark, 2 * limits.hostsOfOneLink) }
            let messenger = try ZeroMQMessenger(
                .init(
                    name: .cell(region.name), keys: try .load(folders.secretKey(role: "cell", name: region.name.rawValue)),
                    listen: [
                        Listener(
                            control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
                            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)",
                            enrolment: Enrolment(directory: folders.enrolled), sharedLinks: takesSimulators)
                    ],
                    dial: [
                        Dial(
                            peer: hub, control: "tcp://\(top.address):\(top.ports.hubControl)",
                            bulk: "tcp://\(top.address):\(top.ports.hubBulk)",
                            serverKey: try CurveKeyPair.loadPublicKey(folders.hubKey))
                    ],
                    heartbeat: federation.timing.heartbeat, limits: limits),
                logger: log)
            let conductor = ConductorService(
                region: region, timing: federation.timing, hubs: [hub], database: database, messenger: messenger, logger: log)
            let health = HealthServer(
                host: cell.address, port: cell.ports.conductorHealth,
                checks: [
                    "database": {
                        do {
                            try await conductor.checkDatabase()
                            return .healthy
                        } catch { return .unhealthy("\(error)") }
                    },
                    "hub": {
                        messenger.contact(hub).map { .healthy("last contact \($0) ago") } ?? .unhealthy("no contact yet")
                    },
                ])
            return [health, database, messenger, conductor]
        }
    }
}
