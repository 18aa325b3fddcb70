import ArgumentParser
import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import Hypervisors
import Logging
import Messaging
import Observability
import RegionConfig
import ServiceLifecycle
import UnixSignals

/// The compute agent of one machine. Killed at any moment, its guests run on and the next one adopts them.
@main
struct HostProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-host", abstract: "Run the servers of one compute host as its region's conductor orders.")

    @Option(name: .long, help: "The folder with region.yml, federation.yml and keys.")
    var etc = "/etc/meridian"
    @Option(name: .customLong("var"), help: "The folder for images, instances, logs and pids.")
    var state = "/var/lib/meridian"
    @Option(name: .long, help: "This host's name in region.yml.")
    var host: String
    @Option(name: .long, help: "Where to write the process id [default: <var>/pids/meridian-host_<host>.pid].")
    var pidFile: String?
    @Option(name: .long, help: "The libvirt to drive, where region.yml says libvirt.")
    var libvirtURI = "qemu:///system"
    @Option(name: .long, help: "The port of /healthz and /metrics, if not region.yml's; 0: none.")
    var healthPort: Int?
    @Option(name: .long, help: "How long a simulated guest takes to boot, in milliseconds.")
    var bootMilliseconds = 5
    @Option(name: .long, help: "trace, debug, info, notice, warning or error.", transform: LogLevel.read)
    var logLevel = Logger.Level.info

    func run() async throws {
        do {
            try await serve()
        } catch {
            ProgramError.exit(program: "meridian-host", error)
        }
    }

    private func serve() async throws {
        let folders = ProgramFolders(etc: etc, state: state)
        let region = try RegionFile.load(folders.regionFile)
        let federation = try FederationFile.load(folders.federationFile)
        guard let host = region.host(host) else {
            throw ProgramError.configuration("\(folders.regionFile): compute_host: hosts: there is no host \(host).")
        }
        for folder in [folders.pids, folders.log, folders.images, folders.instances] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let program = "meridian-host_\(host.hostName)"
        let pid = try PIDFile(pidFile ?? "\(folders.pids)/\(program).pid")
        defer { pid.remove() }
        Log.bootstrap(program: program, directory: folders.log, level: logLevel)
        let logger = Logger(label: "host")

        let messenger = try ZeroMQMessenger(
            .init(
                name: .host(host.hostName),
                keys: try .load(folders.secretKey(role: "host", name: host.hostName.rawValue)),
                dial: [try Conductor.dial(region, folders)], heartbeat: federation.timing.heartbeat),
            logger: logger)
        let engine = try Engine(
            program: self, region: region, federation: federation, host: host, folders: folders, messenger: messenger, logger: logger)
        var settings = HostAgent.Settings(
            host: host.hostName, cell: region.name, zone: host.zone, address: host.address, traits: host.traits,
            offers: region.computeHost.offers, limits: engine.limits)
        settings.reconcilePeriod = federation.timing.reconcilePeriod
        let agent = HostAgent(
            settings, hypervisor: engine.hypervisor, images: engine.images, messenger: messenger, logger: logger)

        var services: [any Service] = []
        let port = healthPort ?? region.computeHost.healthPort
        if port > 0 {
            services.append(
                HealthServer(
                    host: host.address, port: port,
                    checks: [
                        "conductor": {
                            let standing = await agent.standing
                            return await agent.isInTouch ? .healthy(standing) : .unhealthy(standing)
                        }
                    ]))
        }
        services += [messenger] + engine.services + [agent]
        logger.info("compute agent starts", metadata: [.host: "\(host.hostName)", .cell: "\(region.name)"])
        // Stops from the last to the first: the agent before the link it speaks over.
        try await ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }
}

/// Where the region's conductor is, and by which key it is known.
enum Conductor {
    static func dial(_ region: Region, _ folders: ProgramFolders) throws -> Dial {
        let cell = region.childCell
        return Dial(
            peer: .cell(region.name), control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)", serverKey: try CurveKeyPair.loadPublicKey(folders.cellKey))
    }
}

enum LogLevel {
    static func read(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else { throw ValidationError("--log-level: there is no level \(text).") }
        return level
    }
}
