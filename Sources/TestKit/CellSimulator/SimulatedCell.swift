internal import CellProtocol
package import CloudModel
internal import CloudTestKit
internal import ComputeAgent
internal import Conductor
package import Database
package import Hypervisors
internal import Messaging
internal import RegionConfig
internal import Scheduler

/// One cell of a simulated federation. Its processes can be killed and started again; its database and its hypervisors outlive them, as
/// PostgreSQL and QEMU do.
package final class SimulatedCell: Sendable {
    package let name: CellName
    package let database: Database
    package let hosts: [HostName: SimulatedHypervisor]
    let network: MemoryNetwork
    private let faults: MessageFaults
    private let images: SimulatedImages
    private let region: Region
    private let running = Lock<[String: Running]>([:])

    static let timing: Timing = {
        var timing = Timing.lab
        timing.heartbeat = .milliseconds(100)
        timing.regionSilent = .milliseconds(1500)
        timing.hostSilent = .milliseconds(1500)
        timing.reserveTimeout = .milliseconds(800)
        timing.claimTTL = .seconds(2)
        timing.reconcilePeriod = .milliseconds(500)
        return timing
    }()

    init(
        _ name: CellName, hosts count: Int, script: SimulationScript, network: MemoryNetwork, faults: MessageFaults,
        images: SimulatedImages, address: DatabaseAddress
    ) async throws {
        self.name = name
        self.network = network
        self.faults = faults
        self.images = images
        region = try Self.region(name, hasCache: !images.all.isEmpty)
        database = Database(address, logger: .silent)
        try await database.migrate(CellMigrations.all, schema: CellMigrations.schema)
        hosts = try Dictionary(
            uniqueKeysWithValues: (1...count).map { number in
                var script = script
                script.seed &+= UInt64(number)
                return (HostName("compute-\(number).\(name)"), try SimulatedHypervisor(script, keepsHistory: true))
            })
        startConductor()
        startScheduler()
        for host in hosts.keys { startAgent(host) }
    }

    // MARK: - Processes

    package func startConductor() {
        let messenger = network.messenger(
            .cell(name), dialling: [SimulatedFederation.hubName], heartbeat: Self.timing.heartbeat,
            logger: .journey("conductor.\(name)"))
        let conductor = ConductorService(
            region: region, timing: Self.timing, hubs: [SimulatedFederation.hubName], database: database,
            messenger: FaultyMessenger(base: messenger, faults: faults),
            logger: .journey("conductor.\(name)"))
        start("conductor", [messenger, conductor])
    }

    package func startScheduler() {
        let messenger = network.messenger(
            .scheduler(name), dialling: [.cell(name)], heartbeat: Self.timing.heartbeat, logger: .journey("scheduler.\(name)"))
        SchedulerService(selection: HostSelection(.simple), logger: .journey("scheduler.\(name)")).register(on: messenger)
        start("scheduler", [messenger])
    }

    package func startAgent(_ host: HostName) {
        guard let hypervisor = hosts[host] else { preconditionFailure("There is no host \(host).") }
        let messenger = network.messenger(
            .host(host), dialling: [.cell(name)], heartbeat: Self.timing.heartbeat, logger: .journey(host.rawValue))
        var settings = HostAgent.Settings(
            host: host, cell: name, zone: ZoneName(name.rawValue), address: "127.0.0.1", limits: .simulated)
        settings.reconcilePeriod = Self.timing.reconcilePeriod
        settings.answerTimeout = .milliseconds(800)
        let faulty = FaultyMessenger(base: messenger, faults: faults)
        let images = SimulatedHostImages(
            images: images, host: host, grants: GrantsOfConductor(messenger: faulty, cell: name, host: host, hostKey: "key"))
        let agent = HostAgent(
            settings, hypervisor: hypervisor, images: images, messenger: faulty, logger: .journey(host.rawValue))
        start(host.rawValue, [messenger, agent])
    }

    /// Ends a process where it stands: `conductor`, `scheduler` or a host's name.
    package func kill(_ process: String) async { await running.withLock { $0.removeValue(forKey: process) }?.stop() }

    /// Begins to end processes; `kill` waits for the end. What they are in the middle of does not go on to its next step.
    package func cancel(_ processes: String...) {
        running.withLock { running in for process in processes { running[process]?.cancel() } }
    }

    package func restartConductor() async {
        await kill("conductor")
        startConductor()
    }

    func stop() async {
        let all = running.withLock { running in
            defer { running = [:] }
            return Array(running.values)
        }
        for one in all { await one.stop() }
    }

    func close() async {
        await stop()
        await database.close()
    }

    private func start(_ process: String, _ services: [any Runnable]) {
        running.withLock { $0[process] = Running(services) }
    }

    // MARK: - What is true

    /// Every guest of the cell that runs, by its host's own word.
    package func guests() async -> [(host: HostName, guest: Guest)] {
        var found: [(HostName, Guest)] = []
        for (host, hypervisor) in hosts { found += await hypervisor.guests().map { (host, $0) } }
        return found
    }

    /// What the hypervisors saw that must never happen.
    package func violations() async -> [String] {
        var found: [String] = []
        for (host, hypervisor) in hosts { found += await hypervisor.violations.map { "\(host): \($0)" } }
        return found
    }

    /// The cell's region file, as an operator would write it.
    private static func region(_ name: CellName, hasCache: Bool) throws -> Region {
        try RegionFile.parse(
            """
            region: {name: \(name), weight: 1.0, description: simulated}
            child_cell:
              address: 127.0.0.1
              ports: {agents_control: 7710, agents_bulk: 7711, conductor_health: 7790, scheduler_health: 7791, postgresql: 5432}
              scheduling: {policy: simple}
              \(hasCache ? "gateway: {port: 7720, health: 7792, cache_gib: 1}" : "")
              allocation_ratios: {vcpus: 16.0, memory: 1.0, disk: 1.0}
            compute_host:
              hypervisor: simulated
              ports: {health: 7795}
              hosts:
                - {name: compute-1, address: 127.0.0.1}
            """, file: "\(name).yml")
    }
}
