internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Logging
internal import Messaging
internal import Observability

/// The cell's side of its link with a hub: the handshake, the feed up, the summaries, and the feed down. It keeps only where the feed
/// stands, and takes even that from the hub's own word after every break.
actor TopLink {
    private let hub: PeerName
    private let messenger: any Messenger
    private let database: Database
    private let up: FeedLog
    private let rows: FeedRows
    private let standing: CellStanding
    private let pulse: DatabasePulse
    private let book: HostBook
    private let weight: Double
    private let recover: RecoverCell
    /// The cell's database is known to be the latest: what had to wait for that begins.
    private let begin: @Sendable () async -> Void
    private let log: Logger
    /// How often a hub was met. What is agreed with one says nothing to the next, and whoever waits for an answer looks again.
    private var meeting = 0
    private var position: FeedPosition?
    private var toldSummary: CellSummary?
    private var toldAt: ContinuousClock.Instant?

    /// Longer leaves a hub that missed a summary with a wrong picture; shorter costs a message and a statement each time.
    private static let summaryRepeated = Duration.seconds(5)

    /// What a run of the feed may take; a frozen hub must not hold the cell's feed for longer.
    private static let feedTimeout = Duration.seconds(10)
    /// Events of other hubs wait behind it.
    private static let introduction = Duration.seconds(2)

    init(
        hub: PeerName, messenger: any Messenger, database: Database, standing: CellStanding, pulse: DatabasePulse,
        book: HostBook,
        weight: Double, recover: RecoverCell, begin: @escaping @Sendable () async -> Void, log: Logger
    ) {
        self.hub = hub
        self.messenger = messenger
        self.database = database
        up = FeedLog("up", schema: CellMigrations.schema, database: database)
        rows = FeedRows(database: database)
        self.standing = standing
        self.pulse = pulse
        self.book = book
        self.weight = weight
        self.recover = recover
        self.begin = begin
        self.log = log
    }

    /// The hub is new, or was out of reach: agree anew on where we stand.
    func greetAgain() {
        meeting += 1
        position = nil
        toldSummary = nil
    }

    /// Says hello at once, whatever else is under way: a run of the feed may be waiting for a hub that is gone, and the new one places nothing
    /// here before. What it answers is asked again by the run that follows, which agrees on the feed.
    func introduce() async {
        do {
            _ = try await messenger.call(try await hello(), to: hub, timeout: Self.introduction)
        } catch {
            log.info("the hub hasn't heard this cell's hello yet", metadata: [.peer: "\(hub)", .error: "\(error)"])
        }
    }

    /// Tells the hub what it doesn't know yet.
    func tell() async {
        guard messenger.contact(hub) != nil else { return }
        let meeting = meeting
        do {
            let agreed = try await greeted()
            guard meeting == self.meeting else { return }  // another hub meanwhile, which is greeted next
            position = agreed
            guard let start = agreed else { return }
            let sender = FeedSender(
                up, load: { [rows] in try await rows($0) },
                send: { [messenger, hub] batch in
                    try await messenger.call(batch, to: hub, lane: .bulk, timeout: Self.feedTimeout).stored
                },
                passedOver: { [log, hub] object, error in
                    log.error(
                        "an object is too large for the feed and was passed over",
                        metadata: [.peer: "\(hub)", "object": "\(object.kind) \(object.id)", .error: "\(error)"])
                })
            let outcome = try await sender.catchUp(from: start)
            guard meeting == self.meeting else { return }
            switch outcome {
            case .upToDate(let end): position = end
            case .stranger: position = nil
            }
        } catch {
            position = nil
            log.info("the feed up has to wait", metadata: [.peer: "\(hub)", .error: "\(error)"])
        }
    }

    /// Sends the summary if it has changed, or was not sent for a while: a cast may get lost, and the hub takes room off its copy for
    /// servers that it then places elsewhere. The caller sees to once a second.
    func summarize() async {
        let summary = await book.summary(state: await pulse.isStalled ? .stalled : await standing.state, weight: weight)
        let isOld = toldAt.map { $0.duration(to: .now) > Self.summaryRepeated } ?? true
        guard summary != toldSummary || isOld, messenger.contact(hub) != nil else { return }
        messenger.cast(summary, to: hub)
        toldSummary = summary
        toldAt = .now
    }

    /// Where the feed up stands, agreed with the hub if it isn't yet; nil: say hello again.
    private func greeted() async throws -> FeedPosition? {
        if let position { return position }
        let hello = try await hello()
        let reply = try await messenger.call(hello, to: hub, timeout: .seconds(5))
        toldSummary = hello.summary
        let agreed: FeedPosition?
        let isBehindUs = !reply.knowsYourPosition || reply.highestEpoch < hello.highestEpoch
        if isBehindUs {
            log.error("the API cell doesn't know what it told us: its database was rewound", metadata: [.peer: "\(hub)"])
        }
        if await standing.isRecovering {
            try await recover(from: hub, resumingBehind: reply.stored, trusting: !isBehindUs)
            agreed = try await up.knows(reply.stored) ? reply.stored : nil
        } else if try await up.knows(reply.stored) {
            agreed = reply.stored
            if await standing.verified() { await begin() }
        } else {
            log.error(
                "this database lacks changes that the API cell has stored: it was restored from a backup",
                metadata: [.peer: "\(hub)", "position": "\(reply.stored.number)"])
            try await standing.beginRecovery(
                "The API cell has stored change \(reply.stored.number), which this database lacks.", of: book)
            try await recover(from: hub, resumingBehind: reply.stored, trusting: !isBehindUs)
            agreed = reply.stored
        }
        // Recovering took its time: servers need not wait for the next second's summary.
        await summarize()
        return agreed
    }

    private func hello() async throws -> CellHello {
        CellHello(
            release: Release.current,
            stored: try await FeedCursor("down", schema: CellMigrations.schema).position(in: database),
            highestEpoch: try await standing.highestEpoch(),
            summary: await book.summary(state: await standing.state, weight: weight))
    }
}
