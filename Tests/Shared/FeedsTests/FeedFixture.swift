import CellProtocol
import CloudModel
import CloudTestKit
import Database
import Feeds

/// A feed between two schemas of a real database: what writers change, and a receiver that stores what it is sent.
struct FeedFixture: Sendable {
    let database: Database
    let log: FeedLog
    let receiver: Receiver

    static func with(_ body: (FeedFixture) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.migrate(FeedMigrations.all(schema: "sender"), schema: "sender")
            try await database.migrate(FeedMigrations.all(schema: "receiver"), schema: "receiver")
            try await body(
                FeedFixture(
                    database: database, log: FeedLog("up", schema: "sender", database: database),
                    receiver: Receiver(database: database)))
        }
    }

    /// Notes changes of objects, as a writer's transaction does.
    static func change(_ objects: [ServerID], in transaction: Transaction) async throws {
        try await transaction.query(
            """
            INSERT INTO sender.feed_outbox (feed, kind, object) SELECT 'up', 'server', id::text FROM unnest(\(objects)) AS id
            """)
    }

    func change(_ objects: [ServerID]) async throws {
        try await database.transaction { try await Self.change(objects, in: $0) }
    }

    func sender() -> FeedSender {
        FeedSender(
            log, load: { objects in objects.compactMap { ServerID($0.id) }.map { .attributes(Self.attributes($0)) } },
            send: { [receiver] in try await receiver.take($0) }, passedOver: { _, _ in })
    }

    /// Sends everything from where the receiver stands.
    @discardableResult
    func catchUp() async throws -> FeedSender.Ending {
        try await sender().catchUp(from: try await receiver.position())
    }

    static func attributes(_ server: ServerID) -> ServerAttributes {
        ServerAttributes(server: server, revision: 1, name: "s", metadata: [:], keyName: nil, publicKey: nil)
    }
}

/// Stores a feed: what it took and where it stands, in one transaction.
actor Receiver {
    private let database: Database
    private let cursor = FeedCursor("up", schema: "receiver")
    /// Every object taken, in order, as often as it came.
    private(set) var taken: [ServerID] = []
    private(set) var batches: [FeedBatch] = []

    init(database: Database) { self.database = database }

    func take(_ batch: FeedBatch) async throws -> FeedPosition {
        let (database, cursor) = (database, cursor)
        let isNext = try await database.transaction { try await cursor.advance(from: batch.from, to: batch.to, in: $0) }
        guard isNext else { return try await cursor.position(in: database) }
        batches.append(batch)
        taken += batch.changes.compactMap { if case .attributes(let attributes) = $0 { attributes.server } else { nil } }
        return batch.to
    }

    func position() async throws -> FeedPosition { try await cursor.position(in: database) }
}

/// A door that stays shut until it is opened.
struct Door: Sendable {
    private let stream: AsyncStream<Void>
    private let handle: AsyncStream<Void>.Continuation
    init() { (stream, handle) = AsyncStream.makeStream() }
    func open() { handle.finish() }
    func pass() async { for await _ in stream {} }
}

func servers(_ count: Int) -> [ServerID] { (0..<count).map { _ in ServerID.random() } }
