internal import CloudModel
internal import Database

/// What the conductor keeps in memory of its database, so that rankings and idle questions cost no query. Each transaction that changes
/// something of it tells it afterwards.
struct CellMemory: Sendable {
    let database: Database
    let book: HostBook
    let orders: OrderDigests

    /// Runs a transaction. When it fails nobody knows whether it was committed (its answer may be what got lost), so everything is read
    /// anew: else a host would be told for ever that its orders are as before.
    func following<R: Sendable>(_ transaction: () async throws -> R) async throws -> R {
        do {
            return try await transaction()
        } catch {
            await orders.forgetAll()
            await book.doubt()
            throw error
        }
    }

    /// Takes what the database has, where that is in doubt or `always`.
    func refresh(always: Bool = false) async throws {
        // What is doubted while the database is read has to be read once more.
        let doubts = await book.doubts
        guard doubts > 0 || always else { return }
        let hosts = try await HostStore().all(in: database)
        let differing = await book.load(hosts, groups: try await HostStore().groups(in: database))
        await book.trust(after: doubts)
        // Which hosts are up is known here first: two writers may have told the database in the other order.
        for (isUp, names) in differing { try await HostStore().setUp(isUp, names, at: .now(), in: database) }
    }
}
