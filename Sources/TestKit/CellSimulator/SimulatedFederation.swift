internal import CellProtocol
package import CloudModel
internal import CloudTestKit
internal import ComputeRecords
package import Database
package import Hypervisors
package import Messaging
internal import RegionConfig
internal import SuperScheduler

/// A whole federation in one process: the hub, cells with conductor and scheduler, and hosts with simulated hypervisors, all of the
/// product's own code, over a network in memory whose faults come from a seed, each cell with a PostgreSQL database of its own.
package final class SimulatedFederation: Sendable {
    package let network: MemoryNetwork
    package let top: Database
    /// What happens to messages of chosen kinds.
    package let faults: MessageFaults
    package let cells: [CellName: SimulatedCell]
    private let images: SimulatedImages
    private let hub = Lock<Running?>(nil)

    static let hubName = PeerName.hub("meridian")

    /// Makes one, runs `body` with it, and takes it down again whatever happens. Prints the seed when `body` fails.
    package static func with<R: Sendable>(
        cells names: [CellName] = ["london", "amsterdam", "tunis"], hosts: Int = 2, seed: UInt64 = .random(in: 0...UInt64.max),
        faults: Faults = .none, images: [ImageID] = [],
        host script: SimulationScript = SimulationScript(size: ResourceSize(vcpus: 16, ram: 16_384, disk: 200)),
        _ body: @Sendable (SimulatedFederation) async throws -> R
    ) async throws -> R {
        await FederationSlots.shared.take()
        do {
            let result = try await withDatabases(
                cells: names, hosts: hosts, seed: seed, faults: faults, images: SimulatedImages(images), script: script, body)
            await FederationSlots.shared.giveBack()
            return result
        } catch {
            await FederationSlots.shared.giveBack()
            throw error
        }
    }

    private static func withDatabases<R: Sendable>(
        cells names: [CellName], hosts: Int, seed: UInt64, faults: Faults, images: SimulatedImages, script: SimulationScript,
        _ body: @Sendable (SimulatedFederation) async throws -> R
    ) async throws -> R {
        try await withDatabase { top in
            try await top.migrate(ComputeMigrations.all, schema: ComputeMigrations.schema)
            let network = MemoryNetwork(seed: seed)
            let messages = MessageFaults(seed: seed)
            return try await withCells(
                names[...], hosts: hosts, script: script, network: network, faults: messages, images: images, made: []
            ) { cells in
                let federation = SimulatedFederation(
                    network: network, top: top, faults: messages, images: images, cells: cells)
                do {
                    try await federation.everyoneIsIn()
                    network.set(faults)
                    let result = try await body(federation)
                    await federation.stop()
                    return result
                } catch {
                    await federation.stop()
                    print("seed \(seed)")
                    throw error
                }
            }
        }
    }

    private static func withCells<R: Sendable>(
        _ names: ArraySlice<CellName>, hosts: Int, script: SimulationScript, network: MemoryNetwork, faults: MessageFaults,
        images: SimulatedImages, made: [SimulatedCell],
        _ body: @Sendable ([SimulatedCell]) async throws -> R
    ) async throws -> R {
        guard let name = names.first else { return try await body(made) }
        return try await withDatabaseAddress { address in
            let cell = try await SimulatedCell(
                name, hosts: hosts, script: script, network: network, faults: faults, images: images, address: address)
            do {
                let result = try await withCells(
                    names.dropFirst(), hosts: hosts, script: script, network: network, faults: faults, images: images,
                    made: made + [cell], body)
                await cell.close()
                return result
            } catch {
                await cell.close()
                throw error
            }
        }
    }

    private init(
        network: MemoryNetwork, top: Database, faults: MessageFaults, images: SimulatedImages, cells: [SimulatedCell]
    ) {
        self.network = network
        self.top = top
        self.faults = faults
        self.images = images
        self.cells = Dictionary(uniqueKeysWithValues: cells.map { ($0.name, $0) })
        startHub()
    }

    /// The super-scheduler.
    package func startHub() {
        let messenger = network.messenger(Self.hubName, heartbeat: SimulatedCell.timing.heartbeat, logger: .journey("hub"))
        let service = SuperSchedulerService(
            database: top, messenger: FaultyMessenger(base: messenger, faults: faults), timing: SimulatedCell.timing,
            images: images, signer: images, logger: .journey("hub"))
        hub.withLock { $0 = Running([messenger, service]) }
    }

    /// Ends the super-scheduler where it stands.
    package func killHub() async {
        let running = hub.withLock { hub in
            defer { hub = nil }
            return hub
        }
        await running?.stop()
    }

    /// The images that hosts have fetched ahead, in the order in which they did.
    package var warmedImages: [HostName: [ImageID]] { images.byHost }

    package func cell(_ name: CellName) -> SimulatedCell {
        guard let cell = cells[name] else { preconditionFailure("There is no cell \(name).") }
        return cell
    }

    /// Cuts a region off, or one way of its link.
    package func cut(_ cell: CellName, oneWay: Bool = false) {
        network.cut(Self.hubName, .cell(cell), oneWay: oneWay)
    }

    package func heal() { network.heal() }

    private func everyoneIsIn() async throws {
        let count = cells.count
        let hosts = cells.values.reduce(0) { $0 + $1.hosts.count }
        try await eventually("every cell and host has joined") {
            let joined = try await self.top.query("SELECT count(*) AS n FROM compute.cells").first?.get("n") as Int64?
            let up = try await self.top.query("SELECT count(*) AS n FROM compute.hosts").first?.get("n") as Int64?
            return joined == Int64(count) && up == Int64(hosts)
        }
    }

    private func stop() async {
        for cell in cells.values { await cell.stop() }
        await killHub()
    }
}
