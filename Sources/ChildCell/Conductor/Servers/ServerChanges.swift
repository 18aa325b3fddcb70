internal import CellProtocol
internal import CloudModel
internal import Database

/// Changes servers: reads their records under lock, lets a pure rule decide, writes what has changed and does what follows, all in one
/// transaction; then wakes whom it concerns. Whatever dies on the way is found again by its row.
struct ServerChanges: Sendable {
    let database: Database
    let servers = CellServerStore()
    let claims = ClaimStore()
    let memory: CellMemory
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
        /// What `decide` has changed of claims by itself.
        var claims = ClaimStore.Change.none

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
        let committed = try await memory.following {
            try await database.transaction { transaction in
                if mayAdd { try await servers.lockNames(ids, in: transaction) }
                let before = try await servers.lock(ids, in: transaction)
                var draft = Draft(records: before)
                let answer = try await decide(&draft, transaction)
                let changed = draft.records.values.filter { before[$0.id] != $0 }
                try await servers.save(changed, in: transaction)
                let releasing = draft.effects.filter(\.value.releasesClaim).keys.sorted()
                draft.claims += try await claims.release(releasing, in: transaction)
                let hosts = Self.hostsWithOtherOrders(before, draft.records)
                return Committed(answer: answer, effects: draft.effects, claims: draft.claims, hosts: hosts)
            }
        }
        await memory.book.apply(committed.claims)
        await memory.orders.forget(committed.hosts)
        let wake = committed.effects.values.reduce(into: Set<HostName>()) { $0.formUnion($1.wake) }
        if !wake.isEmpty { wakeHosts(wake) }
        if committed.effects.values.contains(where: \.seeksHost) { seekers.ring() }
        news.ring()
        return committed.answer
    }

    /// Hosts whose digest is another now. What a host reports changes records, but seldom its orders.
    private static func hostsWithOtherOrders(
        _ before: [ServerID: ServerRecord], _ after: [ServerID: ServerRecord]
    ) -> Set<HostName> {
        var hosts: Set<HostName> = []
        for (id, record) in after {
            let old = before[id]
            guard
                old?.host != record.host || old?.isOrdered != record.isOrdered || old?.orderRevision != record.orderRevision
                    || old?.epoch != record.epoch
            else { continue }
            for host in [old?.host, record.host] { if let host { hosts.insert(host) } }
        }
        return hosts
    }

    private struct Committed<Answer: Sendable>: Sendable {
        let answer: Answer
        let effects: [ServerID: ServerEffects]
        let claims: ClaimStore.Change
        let hosts: Set<HostName>
    }
}
