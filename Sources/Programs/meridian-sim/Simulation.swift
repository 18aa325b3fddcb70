import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import Hypervisors
import Logging
import Messaging
import Observability
import RegionConfig

/// Makes the hosts, all alike but for their names, keys and seeds.
struct Simulation {
    let program: SimulationProgram
    let region: Region
    let federation: Federation
    let folders: ProgramFolders
    /// Hundreds of hosts that each tell of every order would drown what matters.
    private let logger: Logger

    init(program: SimulationProgram, region: Region, federation: Federation, folders: ProgramFolders, logger: Logger) {
        self.program = program
        self.region = region
        self.federation = federation
        self.folders = folders
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        self.logger = logger
    }

    func host(_ number: Int) throws -> (messenger: ZeroMQMessenger, agent: HostAgent) {
        let name = HostName("\(program.namePrefix)-\(number).\(region.name)")
        let cell = region.childCell
        let dial = Dial(
            peer: .cell(region.name), control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)", serverKey: try CurveKeyPair.loadPublicKey(folders.cellKey))
        let messenger = try ZeroMQMessenger(
            .init(
                name: .host(name), keys: try keys(of: name), dial: [dial], heartbeat: federation.timing.hostHeartbeat,
                limits: limits),
            logger: logger)

        var script = SimulationScript(
            boot: .milliseconds(program.bootMilliseconds), failureRate: program.failRate, seed: program.seed &+ UInt64(number))
        if let offers = region.computeHost.offers { script.description.size = offers }
        let journal = program.forgetful ? nil : "\(folders.instances)/\(name).journal"
        var settings = HostAgent.Settings(
            host: name, cell: region.name, zone: ZoneName(region.name.rawValue), address: "127.0.0.1", limits: .simulated)
        settings.reconcilePeriod = federation.timing.reconcilePeriod
        let agent = HostAgent(
            settings, hypervisor: try SimulatedHypervisor(script, journal: journal), images: NoImages(), messenger: messenger,
            logger: logger)
        return (messenger, agent)
    }

    /// A host says little: small queues, of which there are hundreds.
    private var limits: MessagingLimits {
        var limits = MessagingLimits()
        limits.highWaterMark = 256
        limits.waitingMessages = 512
        limits.rememberedMessages = 256
        return limits
    }

    private func keys(of name: HostName) throws -> CurveKeyPair {
        let file = folders.secretKey(role: "host", name: name.rawValue)
        if !program.enrol || FileManager.default.fileExists(atPath: file) { return try .load(file) }
        let pair = CurveKeyPair.generate()
        for folder in ["\(folders.etc)/keys", folders.enrolled] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try pair.write(to: file)
        try pair.writePublicKey(to: "\(folders.enrolled)/host_\(name).key")
        return pair
    }
}

/// Open files of this process.
enum Descriptors {
    /// Two sockets with their signallers and connections, and a journal.
    static let perHost = 8

    /// Raises the soft limit where the hard one allows it; says so when that isn't enough.
    static func allow(_ count: Int) throws {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(count) else {
            return
        }
        guard limit.rlim_max >= rlim_t(count) else {
            throw ProgramError.unavailable("\(count) open files are needed and \(limit.rlim_max) allowed (ulimit -n).")
        }
        limit.rlim_cur = rlim_t(count)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
