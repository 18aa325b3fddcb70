package import CellProtocol
internal import CloudModel
package import Database
package import Logging
package import Messaging
internal import Observability
package import RegionConfig
internal import ServiceLifecycle

/// The conductor of a child cell: it alone writes the cell's database. It reserves hosts and stores intents for the API cell, gives hosts
/// their work and takes their reports, and feeds what changes upwards. Everything it does it finds again in its database, so it may be
/// killed at any line.
package final class ConductorService: Service, Sendable {
    private let database: Database
    private let messenger: any Messenger
    private let region: Region
    private let timing: Timing
    private let hubs: [PeerName]
    private let log: Logger
    private let book = HostBook()
    private let orders = OrderDigests()
    private let memory: CellMemory
    private let news = WakeUp()
    private let seekers = WakeUp()
    private let standing: CellStanding
    private let pulse: DatabasePulse
    private let changes: ServerChanges
    private let housekeeping: Housekeeping
    private let watch: HostWatch
    private let warmUp: WarmUpImages
    private let leftOut: LeftOutAlarm
    /// What has to wait until the database is known to be the latest begins.
    private let begin: @Sendable () async -> Void
    private let links: [PeerName: TopLink]

    /// A feed's coalescing time: longer delays ACTIVE at the API cell, shorter sends a row several times.
    private static let newsCoalescing = Duration.milliseconds(30)
    /// Between the starts of two runs of the feed. A run costs two commits here and one at the API cell, whatever it carries.
    private static let newsSpacing = Duration.milliseconds(150)

    /// So many times as long as a silent API cell one that is in contact may take to say where it stands. More keeps a cell from working
    /// whose API cell can't answer for a while; less lets one work that was put back.
    private static let handshakePatience = 6

    /// Two commits may be told to memory in the other order. So often it is put right; more often only costs queries.
    private static let refreshPeriod = Duration.seconds(30)

    /// Registers what it answers on `messenger`; call before the messenger runs.
    package init(
        region: Region, timing: Timing, hubs: [PeerName], database: Database, messenger: any Messenger, logger: Logger
    ) {
        self.region = region
        self.timing = timing
        self.hubs = hubs
        self.database = database
        self.messenger = messenger
        log = logger
        memory = CellMemory(database: database, book: book, orders: orders)
        standing = CellStanding(database: database)
        pulse = DatabasePulse(database: database, patience: max(timing.heartbeat * 3, .seconds(2)))
        changes = ServerChanges(
            database: database, memory: memory,
            wakeHosts: { hosts in for host in hosts { messenger.cast(WakeHost(), to: .host(host)) } }, news: news,
            seekers: seekers)
        let place = "conductor.\(region.name)"
        let ranker = HostRanker(
            scheduler: .scheduler(region.name), messenger: messenger, book: book, timeout: timing.reserveTimeout / 2)
        let reserve = ReserveHosts(
            database: database, rank: ReserveHosts.ranking(by: ranker), memory: memory, claimTTL: timing.claimTTL)
        housekeeping = Housekeeping(database: database, changes: changes, reserve: reserve, place: place, log: logger)
        watch = HostWatch(
            database: database, memory: memory, messenger: messenger, silentAfter: timing.hostSilent, news: news, log: logger)
        warmUp = WarmUpImages(
            hubs: hubs, messenger: messenger, database: database, book: book,
            cacheBytes: region.childCell.gateway?.cacheBytes, log: logger)
        leftOut = LeftOutAlarm(log: logger)
        let recovery = RecoverCell(
            messenger: messenger, database: database, standing: standing, memory: memory,
            hostsMayTake: timing.hostSilent * 3 / 2, log: logger)
        begin = { [book, standing, seekers] in
            // A hello that came before the cell worked was not compared with the servers that are sought.
            await book.forget(await standing.awaited)
            // Hosts have asked for work meanwhile, and were told to wait.
            for host in await book.standings.keys { messenger.cast(WakeHost(), to: .host(host)) }
            seekers.ring()
        }
        links = Dictionary(
            uniqueKeysWithValues: hubs.map { [database, standing, pulse, book, begin] hub in
                (
                    hub,
                    TopLink(
                        hub: hub, messenger: messenger, database: database, standing: standing, pulse: pulse, book: book,
                        weight: region.weight, recover: recovery, begin: begin, log: logger)
                )
            })
        let (links, news) = (links, news)
        let doubt = DoubtDatabase(
            standing: standing, book: book,
            recover: {
                for link in links.values { await link.greetAgain() }
                news.ring()
            }, log: log)
        answerHub(reserve: reserve, perform: PerformIntents(changes: changes, reserve: reserve, place: place), doubt: doubt)
        answerHosts(doubt: doubt)
    }

    /// Whether the database answers, for `/healthz`.
    package func checkDatabase() async throws { try await database.query("SELECT 1") }

    package func run() async throws {
        try await cancelWhenGracefulShutdown { [self] in
            try await withThrowingTaskGroup(of: Void.self) { group in
                // These two also run while the database is away: that is what they tell.
                group.addTask { [self] in try await everyRound(timing.heartbeat) { [self] in try await pulse.ask() } }
                group.addTask { [self] in
                    try await everyRound(.seconds(1)) { [self] in for link in links.values { await link.summarize() } }
                }
                try await load()
                group.addTask { [self] in
                    try await news.forEach(
                        atLeastEvery: .seconds(1), coalescing: Self.newsCoalescing, spacing: Self.newsSpacing
                    ) { [self] in
                        for link in links.values { await link.tell() }
                    }
                }
                group.addTask { [self] in
                    for await event in messenger.events(of: [.hub]) {
                        guard case .joined(let peer) = event, let link = links[peer] else { continue }
                        await link.greetAgain()
                        news.ring()
                        await link.introduce()
                    }
                }
                group.addTask { [self] in
                    let began = ContinuousClock.now
                    try await everyRound(timing.heartbeat) { [self] in
                        let uptime = ContinuousClock.now - began
                        if uptime > timing.regionSilent { await goOnAlone(after: uptime) }
                        try await watch.look(uptime: uptime)
                    }
                }
                group.addTask { [self] in
                    try await everyRound(.seconds(1)) { [self] in
                        for link in links.values { await link.summarize() }
                        if await standing.isWorking { try await housekeeping.sweep() }
                    }
                }
                group.addTask { [self] in
                    try await everyRound(timing.heartbeat) { [self] in
                        if await standing.isWorking { try await warmUp.round() }
                    }
                }
                group.addTask { [self] in
                    try await everyRound(Self.refreshPeriod) { [self] in
                        try await memory.refresh(always: true)
                        await leftOut.saw(await book.summarized.leftOut)
                    }
                }
                group.addTask { [self] in
                    try await seekers.forEach(atLeastEvery: .seconds(2)) { [self] in
                        guard await standing.isWorking else { return }
                        await tolerating { try await self.housekeeping.reseat() }
                    }
                }
                try await group.next()
                group.cancelAll()
            }
        }
    }

    /// With the API cell gone nobody can say whether the database was put back, and the cell goes on with what it has: builds that were
    /// stored are finished.
    ///
    /// - Parameter uptime: how long it has not said anything. One that is in contact is given more time: its own database may be slow.
    private func goOnAlone(after uptime: Duration) async {
        let isInContact = hubs.contains { messenger.contact($0).map { $0 <= timing.regionSilent } ?? false }
        guard !isInContact || uptime > timing.regionSilent * Self.handshakePatience else { return }
        guard await standing.verified() else { return }
        log.warning("the API cell is out of reach; the cell goes on without its word on the database")
        await begin()
    }

    // MARK: - What it answers

    private func answerHub(
        reserve: ReserveHosts, perform: PerformIntents, doubt: DoubtDatabase
    ) {
        let standing = standing
        messenger.on(ReserveHost.self, from: [.hub]) { message, incoming in
            let deadline = ContinuousClock.now + incoming.deadline
            try await standing.mustBeWorking()
            return ReserveHost.Reply(answers: try await reserve(message.requests, before: deadline))
        }
        messenger.on(PerformIntent.self, from: [.hub]) { message, _ in
            guard await standing.isWorking else {
                return PerformIntent.Reply(
                    answers: message.intents.map { _ in .notNow(reason: "The cell has just started, or is recovering.") })
            }
            do {
                return PerformIntent.Reply(answers: try await perform(message.intents))
            } catch let forgotten as PerformIntents.ForgottenIntent {
                try await doubt("\(forgotten.server) was stored here under \(forgotten.epoch), and has no record.")
                return PerformIntent.Reply(answers: message.intents.map { _ in .notNow(reason: "The cell is recovering.") })
            }
        }
        let take = TakeAttributes(database: database, changes: changes)
        messenger.on(FeedBatch.self, from: [.hub]) { batch, _ in try await take(batch) }
        let (messenger, database, timeout) = (messenger, database, timing.questionTimeout)
        messenger.on(GetConsoleOutput.self, from: [.hub]) { question, incoming in
            guard let host = try await CellServerStore().read([question.server], in: database).first?.host else {
                throw CloudError(.conflict, "The server isn't on a host yet.")
            }
            return try await messenger.call(
                question, to: .host(host), request: incoming.request, timeout: min(timeout, incoming.deadline))
        }
        let drift = TellDrift(database: database)
        messenger.on(GetDrift.self, from: [.hub]) { question, _ in try await drift(question) }
    }

    private func answerHosts(doubt: DoubtDatabase) {
        let standing = standing
        let welcome = WelcomeHosts(
            database: database, standing: standing, changes: changes, ratios: region.childCell.allocationRatios,
            doubt: doubt, log: log)
        let reconcile = timing.reconcilePeriod.inMilliseconds
        let refusals = HostRefusals(log: log)
        messenger.on(HostHello.self, from: [.host]) { hello, incoming in
            let host = HostName(incoming.from.name)
            try await welcome(try refusals.checked(hello, from: host), from: host)
            return HostHello.Welcome(reconcileMilliseconds: reconcile)
        }
        let assign = AssignWork(database: database, orders: orders)
        messenger.on(AskForWork.self, from: [.host]) { [book] question, incoming in
            let host = HostName(incoming.from.name)
            if await !standing.isWorking, await book.hasForgotten(host) {
                return AssignedWork(digest: question.digest ?? WorkDigest([]), orders: nil, tellAgain: true)
            }
            try await standing.mustBeWorking()
            var work = try await assign(question, from: host)
            if await book.hasForgotten(host) { work.tellAgain = true }
            return work
        }
        let take = TakeReports(changes: changes, doubt: doubt)
        messenger.on(ReportWork.self, from: [.host]) { report, incoming in
            try await standing.mustBeWorking()
            let host = HostName(incoming.from.name)
            try await take(refusals.checked(report.observations, from: host), from: host)
            return Done()
        }
        PassOnGrants(
            hubs: hubs, messenger: messenger, builds: AskForImages(database: database), warmUp: warmUp,
            timeout: timing.questionTimeout
        ).register()
    }

    // MARK: - Rounds

    /// Reads what it works from, waiting for a database that isn't there yet.
    private func load() async throws {
        while true {
            do {
                try await standing.load()
                try await watch.load()
                return
            } catch let error as DatabaseError where error.isConnectionLoss {
                log.warning("the database isn't there yet", metadata: [.error: "\(error)"])
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func everyRound(_ period: Duration, _ round: @escaping @Sendable () async throws -> Void) async throws {
        while !Task.isCancelled {
            await tolerating(round)
            try await Task.sleep(for: period)
        }
    }

    /// A reconciler doesn't retry: it says what went wrong, and the next round looks anew.
    private func tolerating(_ round: @Sendable () async throws -> Void) async {
        do {
            try await round()
        } catch is CancellationError {
            // Stopping.
        } catch {
            log.warning("a round of the conductor failed; the next one looks again", metadata: [.error: "\(error)"])
        }
    }
}
