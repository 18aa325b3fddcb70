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

/// Hundreds of simulated hosts in one process: each has an agent, a key and a link of its own, as in production, and they share
/// threads. Only the hypervisor is made up.
@main
struct SimulationProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-sim", abstract: "Run many simulated compute hosts of one region in one process.")

    @Option(name: .long, help: "The folder with region.yml, federation.yml and keys.")
    var etc = "/etc/meridian"
    @Option(name: .customLong("var"), help: "The folder for logs, pids and the simulated guests' journals.")
    var state = "/var/lib/meridian"
    @Option(name: .long, help: "How many hosts.")
    var hosts: Int
    @Option(name: .long, help: "The number of the first one.")
    var first = 1
    @Option(name: .long, help: "Hosts are named <prefix>-<number>.<region>.")
    var namePrefix = "sim"
    @Option(name: .long, help: "How long a guest takes to boot, in milliseconds.")
    var bootMilliseconds = 5
    @Option(name: .long, help: "How likely a boot is to fail, 0...1.")
    var failRate = 0.0
    @Option(name: .long, help: "What decides which boots fail.")
    var seed: UInt64 = 1
    @Flag(name: .long, help: "Make missing keys and enrol them in <etc>/enrolled.")
    var enrol = false
    @Flag(name: .long, help: "Keep guests in memory only: they are gone when the process is.")
    var forgetful = false
    @Option(name: .long, help: "Where to write the process id [default: <var>/pids/meridian-sim_<prefix>-<first>.<region>.pid].")
    var pidFile: String?
    @Option(name: .long, help: "trace, debug, info, notice, warning or error.", transform: LogLevel.read)
    var logLevel = Logger.Level.notice

    func validate() throws {
        // A process has that many descriptors for sockets: two lanes a host, and libzmq's own.
        guard (1...1_000).contains(hosts) else { throw ValidationError("--hosts is 1 to 1000; run more processes for more.") }
        guard first > 0 else { throw ValidationError("--first is 1 or more.") }
        guard (0...1).contains(failRate) else { throw ValidationError("--fail-rate is 0 to 1.") }
    }

    func run() async throws {
        do {
            try await serve()
        } catch {
            ProgramError.exit(program: "meridian-sim", error)
        }
    }

    private func serve() async throws {
        let folders = ProgramFolders(etc: etc, state: state)
        let region = try RegionFile.load(folders.regionFile)
        let federation = try FederationFile.load(folders.federationFile)
        for folder in [folders.pids, folders.log, folders.instances] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let program = "meridian-sim_\(namePrefix)-\(first).\(region.name)"
        let pid = try PIDFile(pidFile ?? "\(folders.pids)/\(program).pid")
        defer { pid.remove() }
        Log.bootstrap(program: program, directory: folders.log, level: logLevel)
        let logger = Logger(label: "sim")
        try Descriptors.allow(hosts * Descriptors.perHost + 256)

        let simulation = Simulation(program: self, region: region, federation: federation, folders: folders, logger: logger)
        var messengers: [any Service] = []
        var agents: [any Service] = []
        for number in first..<(first + hosts) {
            let (messenger, agent) = try simulation.host(number)
            messengers.append(messenger)
            agents.append(agent)
        }
        logger.notice("simulated hosts start", metadata: [.count: "\(hosts)", .cell: "\(region.name)"])
        try await ServiceGroup(
            services: messengers + agents, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }
}

enum LogLevel {
    static func read(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else { throw ValidationError("--log-level: there is no level \(text).") }
        return level
    }
}
