import ArgumentParser
import CellProtocol
import CloudModel
import Messaging
import Observability
import ProgramKit
import RegionConfig
import Scheduler

/// The scheduler: dials its conductor and ranks hosts for it.
struct SchedulerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler", abstract: "Rank the hosts of the region for its conductor.")

    @OptionGroup var daemon: DaemonOptions

    func run() async {
        await daemon.serve("meridian-scheduler") { folders, log in
            let region = try RegionFile.load(folders.regionFile)
            let federation = try FederationFile.load(folders.federationFile)
            let cell = region.childCell
            let conductor = PeerName.cell(region.name)
            let messenger = try ZeroMQMessenger(
                .init(
                    name: .scheduler(region.name),
                    keys: try .load(folders.secretKey(role: "scheduler", name: region.name.rawValue)),
                    dial: [
                        Dial(
                            peer: conductor, control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
                            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)",
                            serverKey: try CurveKeyPair.loadPublicKey(folders.cellKey))
                    ],
                    heartbeat: federation.timing.heartbeat),
                logger: log)
            SchedulerService(selection: try HostSelection(region.childCell.scheduling), logger: log).register(on: messenger)
            let health = HealthServer(
                host: cell.address, port: cell.ports.schedulerHealth,
                checks: [
                    "conductor": {
                        messenger.contact(conductor).map { .healthy("last contact \($0) ago") } ?? .unhealthy("no contact yet")
                    }
                ])
            return [health, messenger]
        }
    }
}
