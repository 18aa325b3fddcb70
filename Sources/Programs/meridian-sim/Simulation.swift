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

    /// Hosts as in production, each with a key and a link of its own.
    func hosts(_ numbers: Range<Int>) throws -> [any Service] {
        let pairs = try numbers.map { number in
            let peer = PeerName.host(name(number))
            let messenger = try messenger(peer, limits)
            return (messenger, try agent(number, on: messenger))
        }
        return pairs.map(\.0) as [any Service] + pairs.map(\.1)
    }

    /// Hosts that have one key and one link together.
    func hostsOnOneLink(_ numbers: Range<Int>) throws -> [any Service] {
        let enrolment = Enrolment(directory: folders.enrolled)
        if let host = numbers.lazy.map(name).first(where: { enrolment.names(.host($0)) }) {
            throw ProgramError.configuration(
                "\(host) has a key of its own in \(folders.enrolled): take such keys away, or choose another --name-prefix.")
        }
        // Each host waits for an answer or two at a time, and its cell wakes them all at once.
        var limits = MessagingLimits()
        limits.waitingCasts = 2 * numbers.count
        limits.rememberedMessages = 2 * numbers.count
        limits.highWaterMark = max(limits.highWaterMark, 2 * numbers.count)
        let messenger = try messenger(.simulator(program.namePrefix, of: region.name), limits)
        return [messenger] + (try numbers.map { try agent($0, on: messenger.member(.host(name($0)))) }) as [any Service]
    }

    private func name(_ number: Int) -> HostName { HostName("\(program.namePrefix)-\(number).\(region.name)") }

    private func messenger(_ peer: PeerName, _ limits: MessagingLimits) throws -> ZeroMQMessenger {
        let cell = region.childCell
        let dial = Dial(
            peer: .cell(region.name), control: "tcp://\(cell.address):\(cell.ports.agentsControl)",
            bulk: "tcp://\(cell.address):\(cell.ports.agentsBulk)", serverKey: try CurveKeyPair.loadPublicKey(folders.cellKey))
        return try ZeroMQMessenger(
            .init(
                name: peer, keys: try keys(of: peer), dial: [dial], heartbeat: federation.timing.hostHeartbeat, limits: limits),
            logger: logger)
    }

    private func agent(_ number: Int, on messenger: any Messenger) throws -> HostAgent {
        let name = name(number)
        var script = SimulationScript(
            boot: .milliseconds(program.bootMilliseconds), failureRate: program.failRate, seed: program.seed &+ UInt64(number))
        if let offers = region.computeHost.offers { script.description.size = offers }
        let journal = program.forgetful ? nil : "\(folders.instances)/\(name).journal"
        var settings = HostAgent.Settings(
            host: name, cell: region.name, zone: ZoneName(region.name.rawValue), address: "127.0.0.1", limits: .simulated)
        settings.reconcilePeriod = federation.timing.reconcilePeriod
        return HostAgent(
            settings, hypervisor: try SimulatedHypervisor(script, journal: journal), images: NoImages(), messenger: messenger,
            logger: logger)
    }

    /// A host says little: small queues, of which there are hundreds.
    private var limits: MessagingLimits {
        var limits = MessagingLimits()
        limits.highWaterMark = 256
        limits.waitingMessages = 512
        limits.rememberedMessages = 256
        return limits
    }

    private func keys(of peer: PeerName) throws -> CurveKeyPair {
        let file = folders.secretKey(role: peer.role.rawValue, name: peer.name)
        if !program.enrol || FileManager.default.fileExists(atPath: file) { return try .load(file) }
        let pair = CurveKeyPair.generate()
        for folder in ["\(folders.etc)/keys", folders.enrolled] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try pair.write(to: file)
        try pair.writePublicKey(to: "\(folders.enrolled)/\(peer.role.rawValue)_\(peer.name).key")
        return pair
    }
}

/// Open files of this process.
enum Descriptors {
    /// Two sockets with their signallers and connections, and a journal.
    static let perHost = 8
    /// A journal.
    static let perHostOnOneLink = 1

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
