internal import CellProtocol
internal import CloudModel
internal import Database

/// Stores intents, in one transaction for all that came together, and starts them. The answer is durable: `stored` is a row, `refused` a
/// tombstone. Throws `ForgottenIntent` when the database proves to be an older one than the API cell was answered from.
struct PerformIntents: Sendable {
    let changes: ServerChanges
    let reserve: ReserveHosts
    let place: String
    let claims = ClaimStore()

    func callAsFunction(_ intents: [PerformIntent.Intent]) async throws -> [PerformIntent.Answer] {
        let before = try await prepare(intents)
        let began = Timestamp.now()
        return try await changes(Set(intents.map(\.server)), mayAdd: true) { draft, transaction in
            let now = Timestamp.now()
            let adopted = adopt(intents, before, now, &draft)
            let held = try await claims.existing(intents.map(\.server), in: transaction)
            var confirmed: [ServerID] = []
            var answers: [PerformIntent.Answer] = []
            for intent in intents {
                let step = TraceStep("cell.store", classic: [12, 13], place: place, started: began, ended: now)
                switch intent.order {
                case .create(let spec):
                    let answer = create(intent, spec, held[intent.server], before, step, now, &draft)
                    if answer == .stored { confirmed.append(intent.server) }
                    answers.append(answer)
                case .delete:
                    answers.append(delete(intent, step, now, &draft))
                case .reboot, .start, .stop:
                    answers.append(act(intent, step, now, &draft))
                }
            }
            if !adopted.isEmpty {
                draft.claims += try await claims.release(adopted, in: transaction)
                let here = adopted.compactMap { draft.records[$0] }.filter(\.holdsClaim)
                draft.claims += try await claims.restore(here, in: transaction)
            }
            try await claims.confirm(confirmed, in: transaction)
            if let highest = intents.map(\.epoch).max() {
                try await transaction.query(
                    "UPDATE cell.standing SET highest_epoch = \(highest) WHERE highest_epoch < \(highest)")
            }
            return answers
        }
    }

    /// The API cell was told that this server's create was stored, and there is no record of it: the database was put back.
    struct ForgottenIntent: Error {
        let server: ServerID
        let epoch: PlacementEpoch
    }

    /// What has to be known, or done, of the intents before their servers' rows are locked.
    private struct Preparation: Sendable {
        /// Why creates whose room was gone found no other.
        var noRoom: [ServerID: String] = [:]
        /// Creates whose room is gone, of which a host that has not spoken yet may know more.
        var waiting: Set<ServerID> = []
        /// Hosts that have servers of which there is no record.
        var seen: [ServerID: Sightings.Sighting] = [:]
    }

    /// Creates whose claim has expired meanwhile are looked for room once more. A create without claim and record may also be one that a
    /// restored database has forgotten: then a host may be building it, and no other may begin to.
    private func prepare(_ intents: [PerformIntent.Intent]) async throws -> Preparation {
        let first = intents.filter { $0.order.verb == .create || $0.order.verb == .delete }.map(\.server)
        var preparation = Preparation()
        guard !first.isEmpty else { return preparation }
        let rows = try await reserve.database.query(
            """
            SELECT server AS id, 'claim' AS what, NULL AS host, NULL AS zone, NULL::bigint AS epoch FROM cell.claims
                WHERE server = ANY(\(first))
            UNION ALL SELECT id, CASE WHEN vm_state = 'deleted' OR record ? 'refused' THEN 'tombstone' ELSE 'record' END, NULL, NULL, NULL
                FROM cell.servers WHERE id = ANY(\(first))
            UNION ALL SELECT s.server, 'guest', s.host, h.zone, s.epoch FROM cell.strangers s JOIN cell.hosts h ON h.name = s.host
                WHERE s.server = ANY(\(first))
            """)
        var known: Set<ServerID> = []
        var recorded: Set<ServerID> = []
        for row in rows {
            let server: ServerID = try row.get("id")
            switch try row.get("what") as String {
            case "claim": known.insert(server)
            case "record":
                known.insert(server)
                recorded.insert(server)
            case "tombstone": recorded.insert(server)
            default:
                known.insert(server)
                let seen = try Sightings.Sighting(
                    host: row.get("host"), zone: row.get("zone"), epoch: row.get("epoch"), revision: 0)
                if seen.epoch >= preparation.seen[server]?.epoch ?? .none { preparation.seen[server] = seen }
            }
        }
        if let forgotten = intents.first(where: { $0.wasStored == true && !recorded.contains($0.server) }) {
            throw ForgottenIntent(server: forgotten.server, epoch: forgotten.epoch)
        }
        let lacking = intents.compactMap { intent -> ReserveHost.Request? in
            guard !known.contains(intent.server), case .create(let spec) = intent.order else { return nil }
            return ReserveHost.Request(server: intent.server, epoch: intent.epoch, spec: spec)
        }
        guard !lacking.isEmpty else { return preparation }
        if await changes.memory.book.hasUnheardHosts {
            preparation.waiting = Set(lacking.map(\.server))
            return preparation
        }
        for (request, answer) in zip(lacking, try await reserve(lacking)) {
            if case .noRoom(let reason, _) = answer { preparation.noRoom[request.server] = reason }
        }
        return preparation
    }

    /// Servers without a record that a host has under the placement of their intent get the record that was lost.
    private func adopt(
        _ intents: [PerformIntent.Intent], _ before: Preparation, _ now: Timestamp, _ draft: inout ServerChanges.Draft
    ) -> [ServerID] {
        var adopted: [ServerID] = []
        for intent in intents where draft.records[intent.server] == nil {
            guard let seen = before.seen[intent.server], seen.epoch == intent.epoch else { continue }
            var spec = ServerSpec.unknown
            if case .create(let wanted) = intent.order { spec = wanted }
            var record = ServerRecord(id: intent.server, epoch: intent.epoch, spec: spec, at: now)
            record.build = .sought
            draft.records[intent.server] = record
            draft.change(intent.server) { $0.found(seen, at: now) }
            adopted.append(intent.server)
        }
        return adopted
    }

    private func create(
        _ intent: PerformIntent.Intent, _ spec: ServerSpec, _ claim: ClaimStore.Claim?, _ before: Preparation,
        _ step: TraceStep,
        _ now: Timestamp, _ draft: inout ServerChanges.Draft
    ) -> PerformIntent.Answer {
        if let record = draft.records[intent.server] {
            if record.actions.contains(where: { $0.intent == intent.id }), record.epoch == intent.epoch {
                return record.refused.map { .refused(reason: $0) } ?? .stored  // told twice
            }
            if record.epoch == intent.epoch, record.actions.isEmpty, !record.isSettled {
                if case .seekingHost = record.build, let deadline = intent.deadline, deadline < now {
                    draft.change(intent.server) {
                        $0.refuse(Self.late(deadline), at: now)
                        return .none
                    }
                    return .refused(reason: Self.late(deadline))
                }
                // Recovered after a restore: the build goes on with the host it had.
                draft.change(intent.server) {
                    $0.add(
                        ActionRecord(
                            intent: intent.id, number: intent.number, verb: .create, request: intent.request,
                            deadline: intent.deadline),
                        at: now)
                }
                return .stored
            }
            if record.vmState == .deleted { return .refused(reason: "The server was deleted.") }
            if record.epoch >= intent.epoch { return .refused(reason: record.refused ?? "The cell knows a later placement.") }
            guard record.isSettled else { return .notNow(reason: "An earlier placement of the server is still being undone.") }
        }
        guard claim != nil || !before.waiting.contains(intent.server) else {
            return .notNow(reason: "Hosts of the cell have yet to say what they have.")
        }
        var record = ServerRecord(id: intent.server, epoch: intent.epoch, spec: spec, at: now)
        // A tombstone is replaced by a later placement; revisions go on, so that no report of it is older than the last one sent.
        record.revision = draft.records[intent.server]?.revision ?? 0
        var effects = ServerEffects.none
        let action = ActionRecord(
            intent: intent.id, number: intent.number, verb: .create, request: intent.request, deadline: intent.deadline)
        if let deadline = intent.deadline, deadline < now {
            effects += record.add(action, at: now)
            record.refuse(Self.late(deadline), at: now)
            effects.releasesClaim = claim != nil
        } else if let claim {
            effects += record.claimed(claim.host, zone: claim.zone, at: now)
            effects += record.add(action, at: now)
        } else {
            effects += record.add(action, at: now)
            record.refuse(before.noRoom[intent.server] ?? "The room reserved for it had expired.", at: now)
        }
        record.note([step])
        draft.records[intent.server] = record
        draft.effects[intent.server, default: .none] += effects
        return record.refused.map { .refused(reason: $0) } ?? .stored
    }

    private static func late(_ deadline: Timestamp) -> String { "The build was to be started by \(deadline)." }

    /// A delete is always stored; of a server that the cell never heard of it leaves a tombstone, so that a late create is refused.
    private func delete(
        _ intent: PerformIntent.Intent, _ step: TraceStep, _ now: Timestamp, _ draft: inout ServerChanges.Draft
    ) -> PerformIntent.Answer {
        let action = ActionRecord(intent: intent.id, number: intent.number, verb: .delete, request: intent.request)
        if var record = draft.records[intent.server], record.epoch <= intent.epoch {
            if record.isSettled {
                record.epoch = intent.epoch
                record.bury(action, at: now)
                draft.records[intent.server] = record
            } else {
                draft.change(intent.server) { record in
                    let effects = record.add(action, at: now)
                    record.note([step])
                    return effects
                }
            }
            return .stored
        }
        if draft.records[intent.server] != nil { return .refused(reason: "The cell knows a later placement.") }
        var record = ServerRecord(id: intent.server, epoch: intent.epoch, spec: .unknown, at: now)
        record.bury(action, at: now)
        draft.records[intent.server] = record
        return .stored
    }

    private func act(
        _ intent: PerformIntent.Intent, _ step: TraceStep, _ now: Timestamp, _ draft: inout ServerChanges.Draft
    ) -> PerformIntent.Answer {
        guard let record = draft.records[intent.server], record.epoch == intent.epoch, !record.isSettled else {
            return .refused(reason: "The cell doesn't have this server.")
        }
        var hard = false
        if case .reboot(let isHard) = intent.order { hard = isHard }
        let action = ActionRecord(
            intent: intent.id, number: intent.number, verb: intent.order.verb, hard: hard, request: intent.request,
            deadline: intent.deadline)
        draft.change(intent.server) { record in
            let effects = record.add(action, at: now)
            record.note([step])
            return effects
        }
        return .stored
    }
}

extension ServerRecord {
    /// A delete of what isn't here: the tombstone says so to whoever comes late.
    mutating func bury(_ action: ActionRecord, at now: Timestamp) {
        if actions.contains(where: { $0.intent == action.intent }) { return }
        var action = action
        action.state = .done
        action.startedAt = now
        action.finishedAt = now
        actions.append(action)
        vmState = .deleted
        doneThrough = max(doneThrough, action.number)
        terminatedAt = terminatedAt ?? now
        updatedAt = now
    }
}

extension ServerSpec {
    /// Of a server whose create never came.
    static let unknown = ServerSpec(
        name: "", hostname: "", project: "", user: "", flavor: Flavor(id: "", name: "", vcpus: 0, ram: 0, disk: 0), image: nil)
}
