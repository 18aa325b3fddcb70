internal import CellProtocol
internal import CloudModel
internal import Database

/// Stores intents, in one transaction for all that came together, and starts them. The answer is durable: `stored` is a row, `refused` a
/// tombstone.
struct PerformIntents: Sendable {
    let changes: ServerChanges
    let reserve: ReserveHosts
    let place: String
    let claims = ClaimStore()

    func callAsFunction(_ intents: [PerformIntent.Intent]) async throws -> [PerformIntent.Answer] {
        let reclaimed = try await claimAnew(intents)
        let began = Timestamp.now()
        return try await changes(Set(intents.map(\.server)), mayAdd: true) { draft, transaction in
            let held = try await claims.existing(intents.map(\.server), in: transaction)
            let now = Timestamp.now()
            var confirmed: [ServerID] = []
            var answers: [PerformIntent.Answer] = []
            for intent in intents {
                let step = TraceStep("cell.store", classic: [12, 13], place: place, started: began, ended: now)
                switch intent.order {
                case .create(let spec):
                    let answer = create(intent, spec, held[intent.server], reclaimed[intent.server], step, now, &draft)
                    if answer == .stored { confirmed.append(intent.server) }
                    answers.append(answer)
                case .delete:
                    answers.append(delete(intent, step, now, &draft))
                case .reboot, .start, .stop:
                    answers.append(act(intent, step, now, &draft))
                }
            }
            try await claims.confirm(confirmed, in: transaction)
            if let highest = intents.map(\.epoch).max() {
                try await transaction.query(
                    "UPDATE cell.standing SET highest_epoch = \(highest) WHERE highest_epoch < \(highest)")
            }
            return answers
        }
    }

    /// Creates whose claim has expired meanwhile are looked for room once more; why not, for those that find none.
    private func claimAnew(_ intents: [PerformIntent.Intent]) async throws -> [ServerID: String] {
        let creates = intents.filter { $0.order.verb == .create }
        guard !creates.isEmpty else { return [:] }
        let rows = try await reserve.database.query(
            """
            SELECT server AS id FROM cell.claims WHERE server = ANY(\(creates.map(\.server)))
            UNION SELECT id FROM cell.servers WHERE id = ANY(\(creates.map(\.server))) AND vm_state <> 'deleted'
                AND NOT (record ? 'refused')
            """)
        let known = Set(try rows.map { try $0.get("id") as ServerID })
        let lacking = creates.compactMap { intent -> ReserveHost.Request? in
            guard !known.contains(intent.server), case .create(let spec) = intent.order else { return nil }
            return ReserveHost.Request(server: intent.server, epoch: intent.epoch, spec: spec)
        }
        guard !lacking.isEmpty else { return [:] }
        var reasons: [ServerID: String] = [:]
        for (request, answer) in zip(lacking, try await reserve(lacking)) {
            if case .noRoom(let reason, _) = answer { reasons[request.server] = reason }
        }
        return reasons
    }

    private func create(
        _ intent: PerformIntent.Intent, _ spec: ServerSpec, _ claim: ClaimStore.Claim?, _ noRoom: String?, _ step: TraceStep,
        _ now: Timestamp, _ draft: inout ServerChanges.Draft
    ) -> PerformIntent.Answer {
        if let record = draft.records[intent.server] {
            if record.actions.contains(where: { $0.intent == intent.id }), record.epoch == intent.epoch {
                return record.refused.map { .refused(reason: $0) } ?? .stored  // told twice
            }
            if record.epoch == intent.epoch, record.actions.isEmpty, !record.isSettled {
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
        var record = ServerRecord(id: intent.server, epoch: intent.epoch, spec: spec, at: now)
        // A tombstone is replaced by a later placement; revisions go on, so that no report of it is older than the last one sent.
        record.revision = draft.records[intent.server]?.revision ?? 0
        var effects = ServerEffects.none
        let action = ActionRecord(
            intent: intent.id, number: intent.number, verb: .create, request: intent.request, deadline: intent.deadline)
        if let deadline = intent.deadline, deadline < now {
            effects += record.add(action, at: now)
            record.refuse("The build was to be started by \(deadline).", at: now)
            effects.releasesClaim = claim != nil
        } else if let claim {
            effects += record.claimed(claim.host, zone: claim.zone, at: now)
            effects += record.add(action, at: now)
        } else {
            effects += record.add(action, at: now)
            record.refuse(noRoom ?? "The room reserved for it had expired.", at: now)
        }
        record.note([step])
        draft.records[intent.server] = record
        draft.effects[intent.server, default: .none] += effects
        return record.refused.map { .refused(reason: $0) } ?? .stored
    }

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
