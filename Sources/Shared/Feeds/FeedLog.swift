package import CellProtocol
package import Database

/// The sending side of a feed: numbers what has been committed, and reads it back from any position.
///
/// Writers add unnumbered outbox rows in their own transactions. Only rows that are committed can be seen here, and they get their
/// numbers here, under the lock of the feed's head; so a transaction that stays open for an hour loses nothing: its rows are
/// numbered when they appear. (Numbers drawn by the writers would become visible out of order, and a reader that had passed
/// them would never look back.)
package struct FeedLog: Sendable {
    /// One object that changed, to be read as it is now.
    package struct Object: Sendable, Hashable {
        package let kind: String
        package let id: String
    }

    /// A run of the feed, not yet filled with rows.
    package struct Run: Sendable {
        package let from: FeedPosition
        package let to: FeedPosition
        package let objects: [Object]
    }

    /// How many objects a run has at most. A row is 1 to 4 KB, rarely more: larger runs would often be over the 8 MiB of a bulk message
    /// and have to be read again in halves; smaller ones cost more round trips.
    package static let largestRun = 400

    package let feed: String
    let schema: String
    let database: Database

    package init(_ feed: String, schema: String, database: Database) {
        self.feed = feed
        self.schema = schema
        self.database = database
    }

    /// Gives the committed outbox rows their numbers, each object once. Returns the feed's last position; safe to call from any
    /// number of processes.
    package func number() async throws -> FeedPosition {
        let mark = Int64.random(in: 1...Int64.max)
        let rows = try await database.query(
            """
            WITH taken AS (
                DELETE FROM \(unsafe: schema).feed_outbox WHERE id IN (
                    SELECT id FROM \(unsafe: schema).feed_outbox WHERE feed = \(feed) ORDER BY id LIMIT 2000 FOR UPDATE SKIP LOCKED)
                RETURNING kind, object
            ), changed AS (
                SELECT kind, object, row_number() OVER () AS place, count(*) OVER () AS many
                FROM (SELECT DISTINCT kind, object FROM taken) AS once
            ), head AS (
                INSERT INTO \(unsafe: schema).feed_heads AS h (feed, number, mark)
                SELECT \(feed), many, \(mark) FROM changed LIMIT 1
                ON CONFLICT (feed) DO UPDATE SET number = h.number + excluded.number, mark = excluded.mark
                RETURNING number, mark
            ), written AS (
                INSERT INTO \(unsafe: schema).feed_objects (feed, kind, object, number)
                SELECT \(feed), kind, object, head.number - many + place FROM changed, head
                ON CONFLICT (feed, kind, object) DO UPDATE SET number = excluded.number
            )
            INSERT INTO \(unsafe: schema).feed_marks (feed, number, mark) SELECT \(feed), number, mark FROM head
            RETURNING number, mark
            """)
        if let row = rows.first { return try FeedPosition(number: row.get("number"), mark: row.get("mark")) }
        return try await head()
    }

    /// The last position given out.
    package func head() async throws -> FeedPosition {
        let rows = try await database.query(
            "SELECT number, mark FROM \(unsafe: schema).feed_heads WHERE feed = \(feed)")
        guard let row = rows.first else { return .start }
        return try FeedPosition(number: row.get("number"), mark: row.get("mark"))
    }

    /// Whether the feed can go on from `position`: this database gave it out, or the other side has stored more of the feed before, so that
    /// it is the other side that was restored from a backup. If not, it is this one.
    package func knows(_ position: FeedPosition) async throws -> Bool {
        if position == .start { return true }
        // Marks are dropped up to what the other side has said that it stored. Below that it can only have gone back itself: had we gone
        // back, our lowest mark would be one that it has stored since.
        let rows = try await database.query(
            """
            SELECT coalesce(bool_or(number = \(position.number) AND mark = \(position.mark)) OR min(number) > \(position.number), false) AS known
            FROM \(unsafe: schema).feed_marks WHERE feed = \(feed)
            """)
        return try rows.first?.get("known") ?? false
    }

    /// What comes after `position`, at most so many objects; nil at the end, which is `head`.
    package func run(
        after position: FeedPosition, upTo head: FeedPosition, atMost largest: Int = largestRun
    ) async throws -> Run? {
        guard head.number > position.number else { return nil }
        let rows = try await database.query(
            """
            SELECT kind, object, number FROM \(unsafe: schema).feed_objects
            WHERE feed = \(feed) AND number > \(position.number) AND number <= \(head.number)
            ORDER BY number LIMIT \(Int64(largest))
            """)
        let objects = try rows.map { try Object(kind: $0.get("kind"), id: $0.get("object")) }
        guard rows.count == largest, let last = rows.last, try last.get("number") as Int64 != head.number else {
            return Run(from: position, to: head, objects: objects)
        }
        return Run(from: position, to: try await marked(last.get("number")), objects: objects)
    }

    /// The other side has stored `position`: what is older needs no mark any more.
    package func stored(_ position: FeedPosition) async throws {
        try await database.query(
            "DELETE FROM \(unsafe: schema).feed_marks WHERE feed = \(feed) AND number < \(position.number)")
    }

    /// After a restore: goes on behind `position`, which the other side has stored of a feed that this database forgot, and sends
    /// every object that is known here once more.
    package func resume(behind position: FeedPosition) async throws {
        let mark = Int64.random(in: 1...Int64.max)
        try await database.transaction { transaction in
            try await transaction.query(
                """
                WITH head AS (
                    INSERT INTO \(unsafe: schema).feed_heads AS h (feed, number, mark) VALUES (\(feed), \(position.number), \(position.mark))
                    ON CONFLICT (feed) DO UPDATE SET number = greatest(h.number, excluded.number) + 1, mark = \(mark)
                    RETURNING number, mark
                )
                INSERT INTO \(unsafe: schema).feed_marks (feed, number, mark)
                SELECT \(feed), number, mark FROM head
                UNION SELECT \(feed), \(position.number), \(position.mark)
                ON CONFLICT (feed, number) DO UPDATE SET mark = excluded.mark
                """)
            try await transaction.query(
                """
                INSERT INTO \(unsafe: schema).feed_outbox (feed, kind, object)
                SELECT feed, kind, object FROM \(unsafe: schema).feed_objects WHERE feed = \(feed)
                """)
        }
    }

    /// A position in the middle of a long run gets a mark of its own.
    private func marked(_ number: Int64) async throws -> FeedPosition {
        let rows = try await database.query(
            """
            INSERT INTO \(unsafe: schema).feed_marks AS m (feed, number, mark)
            VALUES (\(feed), \(number), \(Int64.random(in: 1...Int64.max)))
            ON CONFLICT (feed, number) DO UPDATE SET mark = m.mark RETURNING mark
            """)
        guard let row = rows.first else { return .start }
        return FeedPosition(number: number, mark: try row.get("mark"))
    }
}
