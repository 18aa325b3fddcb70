internal import CellProtocol
internal import CloudModel
internal import Database
internal import Logging
internal import Observability

/// What time alone brings about: reservations that nobody followed up, deadlines, and servers that wait for another host. Takes no
/// input, reads the world, may run in any number of conductors.
struct Housekeeping: Sendable {
    let database: Database
    let changes: ServerChanges
    let reserve: ReserveHosts
    let place: String
    let log: Logger

    /// Ends what is overdue.
    func sweep() async throws {
        let now = Timestamp.now()
        let memory = changes.memory
        try await memory.refresh()
        let released = try await memory.following {
            try await database.transaction { try await ClaimStore().releaseExpired(at: now, in: $0) }
        }
        await memory.book.apply(released)
        let due = try await CellServerStore().due(at: now, in: database)
        if !due.isEmpty {
            try await changes(due) { draft, _ in
                for server in due { draft.change(server) { $0.advance(at: now) } }
            }
        }
        let unannounced = await memory.book.takeUnannounced()
        guard !unannounced.isEmpty else { return }
        do {
            try await HostStore().announce(unannounced, at: now, in: database)
        } catch {
            await memory.book.putBack(unannounced: unannounced)
            throw error
        }
        changes.news.ring()
    }

    /// Finds other hosts for servers whose last one failed; gives back those for which there is none.
    func reseat() async throws {
        let waiting = try await CellServerStore().read(try await CellServerStore().seeking(in: database), in: database)
        guard !waiting.isEmpty else { return }
        let began = Timestamp.now()
        let hopeful = waiting.filter { $0.failedHosts.count < ServerRecord.buildAttempts }
        // Only room that is surely free counts: its own last claim was released when its host had confirmed that nothing is left.
        let answers = try await reserve.again(
            hopeful.map { ReserveHost.Request(server: $0.id, epoch: $0.epoch, spec: $0.spec) },
            avoiding: Dictionary(uniqueKeysWithValues: hopeful.map { ($0.id, $0.failedHosts) }))
        let found = Dictionary(uniqueKeysWithValues: zip(hopeful.map(\.id), answers))
        try await changes(Set(waiting.map(\.id))) { draft, transaction in
            let now = Timestamp.now()
            let claims = try await ClaimStore().existing(waiting.map(\.id), in: transaction)
            var kept: [ServerID] = []
            for server in waiting.map(\.id) {
                draft.change(server) { record in
                    guard record.isSeekingHost, case .seekingHost(let reason) = record.build else {
                        return ServerEffects(releasesClaim: claims[server] != nil && !record.holdsClaim)
                    }
                    record.note([
                        TraceStep(
                            "cell.reseat", classic: [8, 9, 10, 11], place: place, started: began, ended: now, note: reason)
                    ])
                    guard let claim = claims[server] else {
                        switch found[server] {
                        case .noRoom(let why, _): record.refuse("\(reason) No other host: \(why)", at: now)
                        case nil: record.refuse(reason, at: now)
                        // Its claim has expired meanwhile: it is looked for again.
                        case .reserved: break
                        }
                        return .none
                    }
                    kept.append(server)
                    return record.claimed(claim.host, zone: claim.zone, at: now)
                }
            }
            try await ClaimStore().confirm(kept, in: transaction)
        }
        log.info("servers were given another host or given back", metadata: ["servers": "\(waiting.count)"])
    }
}
