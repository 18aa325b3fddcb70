internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds

/// The feed down: what the API cell owns of the servers here. Applied and the cursor moved in one transaction; a batch that doesn't
/// follow the last one stored is answered with where we stand.
struct TakeAttributes: Sendable {
    let database: Database
    let changes: ServerChanges
    let cursor = FeedCursor("down", schema: CellMigrations.schema)

    func callAsFunction(_ batch: FeedBatch) async throws -> FeedBatch.Reply {
        let attributes = batch.changes.compactMap { change -> ServerAttributes? in
            switch change {
            case .attributes(let attributes): attributes
            case .server, .action, .host, .hostStanding: nil  // a host's standing is below; the others travel upwards only
            }
        }
        let standings = batch.changes.compactMap { change -> HostStanding? in
            if case .hostStanding(let standing) = change { standing } else { nil }
        }
        do {
            try await changes(Set(attributes.map(\.server))) { draft, transaction in
                guard try await cursor.advance(from: batch.from, to: batch.to, in: transaction) else { throw NotNext() }
                for standing in standings { try await HostStore().setEnabled(standing, in: transaction) }
                let now = Timestamp.now()
                for one in attributes {
                    draft.change(one.server) { record in
                        record.take(one, at: now)
                        return .none
                    }
                }
            }
            for standing in standings { await changes.memory.book.setEnabled(standing) }
            return FeedBatch.Reply(stored: batch.to)
        } catch is NotNext {
            return FeedBatch.Reply(stored: try await cursor.position(in: database))
        }
    }

    private struct NotNext: Error {}
}
