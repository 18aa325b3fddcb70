import ArgumentParser
import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import Logging
import Messaging
import Observability
import ProgramKit
import RegionConfig
import ServiceLifecycle

/// The compute agent of one machine. Killed at any moment, its guests run on and the next one adopts them.
@main
struct HostProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-host", abstract: "Run the servers of one compute host as its region's conductor orders.")

    @OptionGroup var daemon: DaemonOptions
    @Option(name: .long, help: "This host's name in region.yml.")
    var host: String
    @Option(name: .customLong("libvirt-uri"), help: "The libvirt to drive, where region.yml says libvirt.")
    var libvirtURI = "qemu:///system"
    @Option(name: .long, help: "The port of /healthz and /metrics, if not region.yml's; 0: none.")
    var healthPort: Int?
    @Option(name: .long, help: "How long a simulated guest takes to boot, in milliseconds.")
    var bootMilliseconds = 5

    func run() async {
        await daemon.serve("meridian-host_\(host)") { folders, log in
            let region = try RegionFile.load(folders.regionFile)
            let federation = try FederationFile.load(folders.federationFile)
            guard let host = region.host(host) else {
                throw ProgramError.configuration("\(folders.regionFile): compute_host: hosts: there is no host \(host).")
            }
            for folder in [folders.images, folders.instances] {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            let messenger = try messenger(region, federation, host, folders, log)
            let engine = try Engine(
                program: self, region: region, federation: federation, host: host, folders: folders, messenger: messenger,
                logger: log)
            var settings = HostAgent.Settings(
                host: host.hostName, cell: region.name, zone: host.zone, address: host.address, traits: host.traits,
                offers: region.computeHost.offers, limits: engine.limits)
            settings.reconcilePeriod = federation.timing.reconcilePeriod
            let agent = HostAgent(
                settings, hypervisor: engine.hypervisor, images: engine.images, messenger: messenger, logger: log)
            // Stops from the last to the first: the agent before the link it speaks over.
            return health(of: agent, on: host, region) + [messenger] + engine.services + [agent]
        }
    }

    private func messenger(
        _ region: Region, _ federation: Federation, _ host: Region.ComputeHost, _ folders: ProgramFolders, _ log: Logger
    ) throws -> ZeroMQMessenger {
        let cell = region.childCell
        let conductor = Dial(
            peer: .cell(region.name), control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)", serverKey: try CurveKeyPair.loadPublicKey(folders.cellKey))
        return try ZeroMQMessenger(
            .init(
                name: .host(host.hostName), keys: try .load(folders.secretKey(role: "host", name: host.hostName.rawValue)),
                dial: [conductor], heartbeat: federation.timing.hostHeartbeat),
            logger: log)
    }

    private func health(of agent: HostAgent, on host: Region.ComputeHost, _ region: Region) -> [any Service] {
        let port = healthPort ?? region.computeHost.healthPort
        guard port > 0 else { return [] }
        return [
            HealthServer(
                host: host.address, port: port,
                checks: [
                    "conductor": {
                        let standing = await agent.standing
                        return await agent.isInTouch ? .healthy(standing) : .unhealthy(standing)
                    }
                ])
        ]
    }
}
