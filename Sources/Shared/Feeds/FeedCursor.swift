package import CellProtocol
package import Database

/// The receiving side of a feed: how far it is stored. Moves only together with the changes it stands for.
package struct FeedCursor: Sendable {
    package let feed: String
    let schema: String

    package init(_ feed: String, schema: String) {
        self.feed = feed
        self.schema = schema
    }

    /// Where we stand.
    package func position(in database: Database) async throws -> FeedPosition {
        let rows = try await database.query(
            "SELECT number, mark FROM \(unsafe: schema).feed_cursors WHERE feed = \(feed)")
        guard let row = rows.first else { return .start }
        return try FeedPosition(number: row.get("number"), mark: row.get("mark"))
    }

    /// Moves on, if we stand at `from`; false if not: the batch is a duplicate or leaves a gap, and must not be applied.
    package func advance(from: FeedPosition, to: FeedPosition, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(advancing(from: from, to: to)).isEmpty
    }

    /// The statement of `advance`: gives a row if we stood at `from`.
    package func advancing(from: FeedPosition, to: FeedPosition) -> SQL {
        from == .start
            ? """
            INSERT INTO \(unsafe: schema).feed_cursors (feed, number, mark) VALUES (\(feed), \(to.number), \(to.mark))
            ON CONFLICT (feed) DO NOTHING RETURNING number
            """
            : """
            UPDATE \(unsafe: schema).feed_cursors SET number = \(to.number), mark = \(to.mark)
            WHERE feed = \(feed) AND number = \(from.number) AND mark = \(from.mark) RETURNING number
            """
    }
}
