import CellProtocol
package import CloudModel
package import Hypervisors
package import Logging
package import Messaging
import Observability
import ServiceLifecycle

/// The compute agent of one host: asks its conductor what should run here, compares with the hypervisor, acts, and reports.
///
/// It keeps nothing on disk. What runs is in the hypervisor, what should run is in the cell's database; killed at any moment, the
/// next agent adopts the one and asks for the other.
package actor HostAgent: Service {
    package struct Settings: Sendable {
        package var host: HostName
        package var cell: CellName
        package var zone: ZoneName
        package var address: String
        package var traits: [String]
        /// What the host gives to servers; nil: what the hypervisor has.
        package var offers: ResourceSize?
        package var release: String
        package var limits: Reconciler.Limits
        /// Between two rounds that nobody woke. The conductor may say otherwise.
        package var reconcilePeriod = Duration.seconds(10)
        /// For an answer of the conductor. Everything asked may be asked again, so: longer than its database stalls for a moment, and
        /// short enough that a conductor killed with our question in hand delays nothing for long.
        package var answerTimeout = Duration.seconds(3)

        package init(
            host: HostName, cell: CellName, zone: ZoneName, address: String, traits: [String] = [], offers: ResourceSize? = nil,
            release: String = "0.1", limits: Reconciler.Limits
        ) {
            self.host = host
            self.cell = cell
            self.zone = zone
            self.address = address
            self.traits = traits
            self.offers = offers
            self.release = release
            self.limits = limits
        }
    }

    let settings: Settings
    let hypervisor: any Hypervisor
    let images: any BaseImages
    let messenger: any Messenger
    let log: Logger
    let conductor: PeerName

    var reconciler: Reconciler
    var reports = ReportQueue()
    var progress: [ServerID: String] = [:]
    var interruptions: [ServerID: AsyncStream<Void>.Continuation] = [:]
    /// When the order that is news was asked for and came, for its trace.
    var ordered: [ServerID: (asked: Timestamp, came: Timestamp)] = [:]
    var digest: WorkDigest?
    var description: HypervisorDescription?
    var inventorySaid: HostInventory?
    /// Servers that the last hello named.
    var strangersSaid: Set<ServerID> = []
    /// Said hello on this connection.
    var isWelcome = false
    var hasAdopted = false
    /// The answer to the last question was too long for the control lane.
    var hasManyOrders = false
    /// Something happened that only a listing of the guests can tell.
    var mustLook = true
    var lastLook: ContinuousClock.Instant?
    var period: Duration
    /// Rounds, and listings of the guests, that failed in a row.
    var failures = 0
    var failedLooks = 0

    /// What the cell wants here ahead.
    let ahead: ImagesAhead

    /// A round is due.
    let round = WakeUp()
    /// A round failed and is to be tried again soon.
    let retry = WakeUp()
    /// A report is due.
    let reportDue = WakeUp()
    let progressDue = WakeUp()
    let work: AsyncStream<BegunWork>
    let beginWork: AsyncStream<BegunWork>.Continuation

    /// Registers what it answers with the messenger: make it before the messenger runs.
    package init(
        _ settings: Settings, hypervisor: any Hypervisor, images: any BaseImages, messenger: any Messenger, logger: Logger
    ) {
        self.settings = settings
        self.hypervisor = hypervisor
        self.images = images
        self.messenger = messenger
        var log = logger
        log[metadataKey: .host] = "\(settings.host)"
        self.log = log
        conductor = .cell(settings.cell)
        period = settings.reconcilePeriod
        reconciler = Reconciler(limits: settings.limits)
        // Bounded by the reconciler's limits: it never has more under way.
        (work, beginWork) = AsyncStream.makeStream()
        let ahead = ImagesAhead(images, log: log)
        self.ahead = ahead
        let round = round
        messenger.on(WakeHost.self, from: [.cell]) { _, _ in round.ring() }
        messenger.on(GetConsoleOutput.self, from: [.cell]) { question, _ in
            .init(output: try await hypervisor.consoleOutput(question.server, lines: question.lines))
        }
        messenger.on(WarmImage.self, from: [.cell]) { question, _ in .init(isKept: try await ahead.want(question.image)) }
    }

    /// Runs until it is cancelled. Work under way is left where it is: the next agent finds it.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.followLink() }
                group.addTask { await self.followHypervisor() }
                group.addTask { await self.makeRounds() }
                group.addTask { await self.keepTime() }
                group.addTask { await self.retryRounds() }
                group.addTask { await self.sendReports() }
                group.addTask { await self.hurryProgress() }
                group.addTask { await self.performWork() }
                group.addTask { await self.ahead.run() }
            }
        }
    }

    /// What the host has and gives, as the conductor is told.
    func inventory() async throws -> HostInventory {
        let description: HypervisorDescription
        if let known = self.description {
            description = known
        } else {
            description = try await hypervisor.describe()
            self.description = description
        }
        return HostInventory(
            size: settings.offers ?? description.size, hypervisorType: description.type, hypervisorVersion: description.version,
            acceleration: description.acceleration, traits: settings.traits, cachedImages: await images.cached(),
            zone: settings.zone, address: settings.address)
    }

    /// What waits and runs on this host, for its health check.
    package var standing: String {
        hasAdopted ? (isWelcome ? "in touch with \(conductor)" : "waiting for \(conductor)") : "adopting guests"
    }
    package var isInTouch: Bool { hasAdopted && isWelcome }
}

/// Work that the reconciler has decided on, and the bell that interrupts it.
struct BegunWork: Sendable {
    let work: Reconciler.Work
    let interruption: AsyncStream<Void>
}
