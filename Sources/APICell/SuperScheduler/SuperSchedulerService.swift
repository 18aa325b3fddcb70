internal import CellProtocol
internal import CloudModel
internal import ComputeRecords
package import Database
package import Logging
package import Messaging
internal import Observability
package import RegionConfig
internal import ServiceLifecycle

/// The super-scheduler: the hub at the top. It places servers in cells, hands intents over, applies what cells report, and forwards the
/// questions of the HTTP processes. One works at a time, under an advisory lock of the API database; it keeps nothing that isn't a row.
package final class SuperSchedulerService: Service, Sendable {
    private let database: Database
    private let messenger: any Messenger
    private let timing: Timing
    private let log: Logger
    private let cells: CellDirectory
    private let admission: CellAdmission
    private let alarm: AheadAlarm
    private let placements: PlacementStore
    private let events: EventLog
    private let creates: UnplacedCreates
    private let deliver: DeliverIntents
    private let tell: TellAttributes
    private let placing = InFlight<ServerID>()
    private let delivering = InFlight<IntentID>()
    private let acknowledged = Acknowledgements()
    private let work = WakeUp()
    private let deliveries = WakeUp()
    private let attributes = WakeUp()
    /// There are new events.
    private let happened = WakeUp()
    private let placeServer: PlaceServer
    /// Servers whose placing begins. Bounded by `placedAtOnce`.
    private let begun: AsyncStream<UnplacedCreate>
    private let begin: AsyncStream<UnplacedCreate>.Continuation

    /// The key of the advisory lock under which one super-scheduler works: "meridian" in ASCII.
    private static let lockKey: Int64 = 0x6d65_7269_6469_616e
    /// More servers being placed at once than this only lengthens the queues of the cells.
    private static let placedAtOnce = 256
    /// So long a server that could not be placed now waits. Shorter asks cells in vain, longer delays what has become possible.
    private static let placedAgainAfter = Duration.milliseconds(500)
    /// Between the starts of two rounds that place or deliver. The first after a quiet while starts at once; under load a round takes what has
    /// come meanwhile, and its servers share messages, commits and wake-ups all the way to their hosts and back. Longer delays every boot of
    /// a busy cloud (by half of it), shorter makes each dearer: one by one they cost twice as much.
    private static let roundSpacing = Duration.milliseconds(150)
    /// The same for the feed down, which nobody waits for.
    private static let attributesSpacing = Duration.milliseconds(300)

    /// Between two words to those who watch events. Longer makes watching late, shorter wakes every listener of the database for each commit
    /// of a storm.
    private static let eventsSpacing = Duration.milliseconds(100)

    /// Registers what it answers on `messenger`; call before the messenger runs.
    ///
    /// - Parameter roster: whom the messenger lets in; kept as the database says, from `lead` on.
    package init(
        database: Database, messenger: any Messenger, roster: KeyRoster = KeyRoster(), timing: Timing,
        images: any ImagesOfAll, signer: any ImageGrantSigner, logger: Logger
    ) {
        self.database = database
        self.messenger = messenger
        self.timing = timing
        log = logger
        (begun, begin) = AsyncStream.makeStream()
        admission = CellAdmission(enrolments: CellEnrolments(database: database), roster: roster, log: logger)
        alarm = AheadAlarm(log: logger)
        cells = CellDirectory(database: database, messenger: messenger, silentAfter: timing.regionSilent)
        placements = PlacementStore(database: database)
        events = EventLog(database: database)
        creates = UnplacedCreates(database: database)
        deliver = DeliverIntents(
            database: database, messenger: messenger, cells: cells, store: placements, inFlight: delivering,
            acknowledged: acknowledged, timeout: timing.reserveTimeout * 2, log: logger)
        tell = TellAttributes(database: database, messenger: messenger, log: logger)
        placeServer = PlaceServer(
            cells: cells, store: placements, epochs: EpochSource(store: placements),
            lines: CellLines(
                messenger: messenger, cells: cells, reserveTimeout: timing.reserveTimeout,
                performTimeout: timing.reserveTimeout * 2, log: logger),
            acknowledged: acknowledged, began: .now(), log: logger)
        answer(
            GrantImages(database: database, signer: signer),
            WarmUpRegions(database: database, images: images, signer: signer))
    }

    /// Whether the database answers, for `/healthz`.
    package func checkDatabase() async throws { try await database.query("SELECT 1") }

    /// Takes the lock under which one super-scheduler works, waiting for it as long as it takes, and reads which cells are enrolled. The
    /// program runs the messenger only then, so that cells never meet two, nor one that doesn't know them.
    package func lead() async throws -> AdvisoryLock {
        while true {
            do {
                let lock = try await database.awaitedLock(Self.lockKey)
                do {
                    try await admission.refresh()
                    return lock
                } catch {
                    await lock.release()
                    throw error
                }
            } catch let error as DatabaseError where error.isConnectionLoss {
                log.warning("the database isn't there yet", metadata: [.error: "\(error)"])
            }
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown { [self] in
            try await readCells()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [self] in
                    for await heard in database.listen([ComputeChannel.intents, ComputeChannel.enrolments]) {
                        if heard == .notified(channel: ComputeChannel.enrolments, payload: "") {
                            await tolerating { try await self.admission.refresh() }
                            continue
                        }
                        work.ring()
                        deliveries.ring()
                        attributes.ring()
                    }
                }
                group.addTask { [self] in
                    try await work.forEach(atLeastEvery: .milliseconds(500), spacing: Self.roundSpacing) { [self] in
                        await tolerating { try await self.place() }
                    }
                }
                group.addTask { [self] in
                    await withDiscardingTaskGroup { placements in
                        for await create in begun { placements.addTask { [self] in await place(create) } }
                    }
                }
                group.addTask { [self] in
                    try await deliveries.forEach(atLeastEvery: .seconds(1), spacing: Self.roundSpacing) { [self] in
                        await tolerating { try await self.deliver() }
                    }
                }
                group.addTask { [self] in
                    try await attributes.forEach(
                        atLeastEvery: .seconds(2), coalescing: .milliseconds(100), spacing: Self.attributesSpacing
                    ) { [self] in
                        await tell.tell(await cells.reachable)
                    }
                }
                group.addTask { [self] in
                    try await happened.forEach(atLeastEvery: .seconds(3_600), spacing: Self.eventsSpacing) { [self] in
                        // A word that is lost costs those who watch their own period.
                        await tolerating { try await self.database.notify(ComputeChannel.events) }
                    }
                }
                group.addTask { [self] in
                    var watch = CellWatch(silentAfter: timing.regionSilent)
                    while !Task.isCancelled {
                        await look(&watch)
                        try await Task.sleep(for: .seconds(1))
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        }
    }

    /// Reads which cells there are before anything is placed: until then the federation would look empty, and every server be refused.
    private func readCells() async throws {
        while true {
            do {
                return try await cells.refresh()
            } catch let error as DatabaseError where error.isConnectionLoss {
                log.warning("the cells can't be read yet", metadata: [.error: "\(error)"])
                try await Task.sleep(for: .milliseconds(300))
            }
        }
    }

    /// Starts placing whatever is unplaced. Each server goes its own way; what is cheaper together is put together on the way.
    private func place() async throws {
        while true {
            let busy = await placing.current
            guard busy.count < Self.placedAtOnce else { return }
            let next = try await creates.next(excluding: busy)
            if next.isEmpty { return }
            for create in next where await placing.take(create.server, for: .seconds(60)) {
                await delivering.hold(create.intent, for: .seconds(60))
                begin.yield(create)
            }
            if next.count < UnplacedCreates.batch { return }
        }
    }

    private func place(_ create: UnplacedCreate) async {
        var wait = Self.placedAgainAfter
        do {
            // Its row says so by now: it isn't found again, and needs no place among those that are being placed.
            if try await placeServer(create) == .settled { wait = .zero }
        } catch {
            log.warning("a server could not be placed now", metadata: [.server: "\(create.server)", .error: "\(error)"])
        }
        await placing.release(create.server, after: wait)
        await delivering.release(create.intent, after: DeliverIntents.repeatAfter)
        if await placing.current.count >= Self.placedAtOnce / 2 { work.ring() }
    }

    /// What time alone brings about.
    private func look(_ watch: inout CellWatch) async {
        await tolerating {
            try await self.admission.refresh()
            try await self.cells.refresh()
            await self.alarm.saw(await self.cells.ahead)
            try await self.cells.noteContacts()
        }
        let contacts = Dictionary(uniqueKeysWithValues: await cells.snapshot().map { ($0.name, $0.contact) })
        let seen = watch.look(at: contacts, at: .now)
        await tolerating {
            for change in seen.changes { try await self.events.tell(change.cell, isSilent: change.isSilent) }
            if !seen.changes.isEmpty { self.happened.ring() }
            try await self.events.forgetOld()
            let before = Timestamp.now() - self.timing.buildDeadline
            for cell in seen.silent { try await self.placements.judgeSilent(cell, createdBefore: before) }
        }
    }

    private func tolerating(_ round: @Sendable () async throws -> Void) async {
        do {
            try await round()
        } catch is CancellationError {
            // Stopping.
        } catch {
            log.warning("a round of the super-scheduler failed; the next one looks again", metadata: [.error: "\(error)"])
        }
    }

    // MARK: - What it answers

    private func answer(_ grant: GrantImages, _ warmUp: WarmUpRegions) {
        let answers = AnswerCells(
            database: database, cells: cells, placements: placements, acknowledged: acknowledged, log: log)
        let (cells, tell, work, deliveries, attributes) = (cells, tell, work, deliveries, attributes)
        messenger.on(CellHello.self, from: [.cell]) { hello, incoming in
            let cell = CellName(incoming.from.name)
            let reply = try await answers.hello(hello, from: cell)
            await tell.stands(cell, at: hello.stored)
            work.ring()
            deliveries.ring()
            attributes.ring()
            return reply
        }
        messenger.on(CellSummary.self, from: [.cell]) { [log] summary, incoming in
            do {
                try await cells.took(summary, from: CellName(incoming.from.name))
            } catch {
                log.warning(
                    "a cell's summary could not be kept", metadata: [.cell: "\(incoming.from.name)", .error: "\(error)"])
            }
        }
        messenger.on(RecoverServers.self, from: [.cell]) { question, incoming in
            try await answers.recover(question, for: CellName(incoming.from.name))
        }
        let apply = FeedApplier(database: database, told: { [happened] in happened.ring() }, log: log)
        messenger.on(FeedBatch.self, from: [.cell]) { batch, incoming in
            let cell = CellName(incoming.from.name)
            // It takes this process for the one before; a refusal makes it say hello.
            guard await cells.hasGreeted(cell) else { throw CloudError(.conflict, "Say hello first: this hub is new.") }
            return FeedBatch.Reply(stored: try await apply(batch, from: cell))
        }
        messenger.on(AskForImageGrant.self, from: [.cell]) { question, incoming in
            try await grant(question, from: CellName(incoming.from.name))
        }
        messenger.on(ImagesToWarm.self, from: [.cell]) { _, _ in try await warmUp.choose() }
        messenger.on(AskForWarmUpGrant.self, from: [.cell]) { question, _ in try await warmUp.grant(question) }
        ForwardQuestions(messenger: messenger, cells: cells, timeout: timing.questionTimeout).register()
    }
}
