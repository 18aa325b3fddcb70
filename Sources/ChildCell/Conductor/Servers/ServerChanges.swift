internal import CellProtocol
internal import CloudModel
internal import Database

/// Changes servers: reads their records under lock, lets a pure rule decide, writes what has changed and does what follows, all in one
/// transaction; then wakes whom it concerns. Whatever dies on the way is found again by its row.
struct ServerChanges: Sendable {
    let database: Database
    let servers = CellServerStore()
    let claims = ClaimStore()
    let book: HostBook
    let orders: OrderDigests
    /// Wakes hosts that have new orders.
    let wakeHosts: @Sendable (Set<HostName>) -> Void
    /// Rings when there is something to tell the API cell.
    let news: WakeUp
    /// Rings when a server waits for another host.
    let seekers: WakeUp

    /// What a rule decides over: the records that were locked (it may add new ones) and what follows from their changes.
    struct Draft: Sendable {
        var records: [ServerID: ServerRecord]
        var effects: [ServerID: ServerEffects] = [:]

        /// Changes one record, if it is there, and keeps what follows.
        mutating func change(_ server: ServerID, _ rule: (inout ServerRecord) -> ServerEffects) {
            guard var record = records[server] else { return }
            effects[server, default: .none] += rule(&record)
            records[server] = record
        }
    }

    /// - Parameters:
    ///   - mayAdd: `decide` may add records of servers that have none.
    ///   - decide: runs inside the transaction and perhaps more than once (after a deadlock): values in, values out.
    @discardableResult
    func callAsFunction<Answer: Sendable>(
        _ ids: Set<ServerID>, mayAdd: Bool = false, _ decide: @Sendable (inout Draft, Transaction) async throws -> Answer
    ) async throws -> Answer {
        let (answer, effects, usage, before, after) = try await database.transaction { transaction in
            if mayAdd { try await servers.lockNames(ids, in: transaction) }
            let before = try await servers.lock(ids, in: transaction)
            var draft = Draft(records: before)
            let answer = try await decide(&draft, transaction)
            let changed = draft.records.values.filter { before[$0.id] != $0 }
            try await servers.save(changed, in: transaction)
            let releasing = draft.effects.filter(\.value.releasesClaim).keys.sorted()
            let usage = try await claims.release(releasing, in: transaction)
            return (answer, draft.effects, usage, before, draft.records)
        }
        await book.setUsage(usage)
        await countGroups(before: before, after: after, effects: effects)
        let touched = Set(before.values.compactMap(\.host)).union(after.values.compactMap(\.host))
        await orders.forget(touched)
        let wake = effects.values.reduce(into: Set<HostName>()) { $0.formUnion($1.wake) }
        if !wake.isEmpty { wakeHosts(wake) }
        if effects.values.contains(where: \.seeksHost) { seekers.ring() }
        news.ring()
        return answer
    }

    private func countGroups(
        before: [ServerID: ServerRecord], after: [ServerID: ServerRecord], effects: [ServerID: ServerEffects]
    ) async {
        for (id, effect) in effects where effect.releasesClaim {
            guard let record = after[id], let group = record.spec.group, let host = before[id]?.host ?? record.host else {
                continue
            }
            await book.count(-1, of: group.id, on: host)
        }
    }
}

/// The digest of each host's orders, kept in memory so that a host's idle question costs no query.
actor OrderDigests {
    private var digests: [HostName: WorkDigest] = [:]
    private var changes: [HostName: Int] = [:]

    func digest(of host: HostName) -> WorkDigest? { digests[host] }

    /// Remembered before orders are read, so that a digest which a change has overtaken is not kept.
    func changeCount(of host: HostName) -> Int { changes[host, default: 0] }

    func keep(_ digest: WorkDigest, of host: HostName, readAt count: Int) {
        if changes[host, default: 0] == count { digests[host] = digest }
    }

    func forget(_ hosts: Set<HostName>) {
        for host in hosts {
            digests[host] = nil
            changes[host, default: 0] += 1
        }
    }

    func forgetAll() {
        for host in digests.keys { changes[host, default: 0] += 1 }
        digests = [:]
    }
}
