package import CellProtocol
package import CloudModel

/// What a change of a record asks of the world, to be done in the same transaction (`releasesClaim`) or after it.
package struct ServerEffects: Sendable, Hashable {
    /// Hosts with a new order.
    package var wake: Set<HostName> = []
    /// The room on this host is free again.
    package var releasesClaim = false
    /// A host has to be found: the last one failed.
    package var seeksHost = false

    package static let none = ServerEffects()

    package static func += (left: inout Self, right: Self) {
        left.wake.formUnion(right.wake)
        left.releasesClaim = left.releasesClaim || right.releasesClaim
        left.seeksHost = left.seeksHost || right.seeksHost
    }
}

/// The life of a server in its cell, as pure rules: events in, a changed record and effects out. Every rule may be applied again
/// after a crash, and every event may come twice, late or never.
extension ServerRecord {
    /// A build is tried on so many hosts of the cell before the cell gives it back to the API cell.
    package static let buildAttempts = 3
    /// Finished actions that the record keeps; the API cell has them all.
    static let actionsKept = 10

    /// The cell has stored an action. Stored ones are carried out in the order of their numbers; a delete overtakes.
    package mutating func add(_ action: ActionRecord, at now: Timestamp) -> ServerEffects {
        guard !actions.contains(where: { $0.intent == action.intent }), action.number > doneThrough else { return .none }
        actions.append(action)
        actions.sort { $0.number < $1.number }
        while actions.count > Self.actionsKept, actions[0].isFinished { actions.removeFirst() }
        return advance(at: now)
    }

    /// A host was claimed for it.
    package mutating func claimed(_ host: HostName, zone: ZoneName, at now: Timestamp) -> ServerEffects {
        self.host = host
        self.zone = zone
        holdsClaim = true
        presence = .absent
        appliedRevision = 0
        desired = .running
        orderRevision += 1
        build = .spawning
        progress = "spawning"
        changed(at: now)
        return ServerEffects(wake: [host])
    }

    /// The cell has no (other) host for it: it is given back, with a tombstone for this epoch.
    package mutating func refuse(_ reason: String, at now: Timestamp) {
        refused = reason
        build = .finished
        host = nil
        progress = nil
        finishCurrent(.failed, reason, at: now, advancing: false)
        changed(at: now)
    }

    /// What its host sees of it now.
    package mutating func take(_ seen: Observation, from reporter: HostName, at now: Timestamp) -> ServerEffects {
        guard seen.epoch == epoch, reporter == host, !isSettled, !isBehind(seen, from: reporter) else { return .none }
        let before = self
        appliedRevision = max(appliedRevision, seen.appliedRevision)
        presence = seen.presence
        powerState = seen.power
        note(seen.steps)
        var effects = ServerEffects.none
        if seen.appliedRevision > orderRevision {
            // The host carried out an order that this database has forgotten. Go on above it, and ask there once more for what it was asked
            // meanwhile under a number that it passed over.
            orderRevision = seen.appliedRevision
            if isAskingHost {
                orderRevision += 1
                effects.wake = [reporter]
            }
        }
        if build == .spawning, let word = seen.progress { progress = word }
        if let failure = seen.failure, seen.failedRevision == orderRevision { effects += failed(failure, at: now) }
        effects += advance(at: now)
        if self != before { changed(at: now) }
        return effects
    }

    /// A host has carried out an order of the build that this record doesn't know. The build may have moved on since: nothing can be
    /// concluded but that the database was put back. (A server that ran stays where it is, and `take` goes on above the order.)
    package func isBehind(_ seen: Observation, from reporter: HostName) -> Bool {
        launchedAt == nil && seen.epoch == epoch && reporter == host && !isSettled && seen.appliedRevision > orderRevision
    }

    /// Whether the host has yet to do something.
    private var isAskingHost: Bool {
        if desired == .destroyed { return presence != .absent }
        return actions.contains { $0.state == .running && $0.verb != .create }
    }

    /// Goes as far as what is known allows.
    package mutating func advance(at now: Timestamp) -> ServerEffects {
        guard !isSettled else { return .none }
        if let deletion = actions.firstIndex(where: { $0.verb == .delete && !$0.isFinished }) {
            return advanceDeletion(deletion, at: now)
        }
        var effects = ServerEffects.none
        while let index = actions.firstIndex(where: { !$0.isFinished }), actions[index].number == doneThrough + 1 {
            if actions[index].state == .stored {
                // A build that had begun before a restore of the database fails of its deadline below, and is undone.
                if let deadline = actions[index].deadline, deadline < now,
                    actions[index].verb != .create || build == .notStarted
                {
                    finishCurrent(.expired, "The action was not started before its deadline.", at: now)
                    continue
                }
                if actions[index].verb != .create, launchedAt == nil {
                    // Any other order would take the place of the one that undoes the build.
                    finishCurrent(.failed, "The server was never built; it can only be deleted.", at: now)
                    continue
                }
                actions[index].state = .running
                actions[index].startedAt = now
                effects += start(actions[index], at: now)
                changed(at: now)
            }
            guard isAccomplished(actions[index]) else {
                return effects + pastDeadline(actions[index], at: now)
            }
            accomplish(actions[index], at: now)
        }
        followGuest(at: now)
        effects += releaseIfGone()
        return effects
    }

    /// Takes over what the API cell owns of it. Whole rows come, in the feed's order: the last one counts, whatever number it bears.
    package mutating func take(_ attributes: ServerAttributes, at now: Timestamp) {
        spec.name = attributes.name
        spec.metadata = attributes.metadata
        spec.keyName = attributes.keyName
        spec.publicKey = attributes.publicKey
    }

    // MARK: - Starting and accomplishing

    private mutating func start(_ action: ActionRecord, at now: Timestamp) -> ServerEffects {
        switch action.verb {
        case .create:
            // Its host was claimed before the intent came; `claimed` has set the order.
            return ServerEffects(wake: host.map { [$0] } ?? [])
        case .start: return order(.running, progress: "powering-on")
        case .stop: return order(.stopped, progress: "powering-off")
        case .reboot:
            return order(.running, reboot: action.hard ? .hard : .soft, progress: action.hard ? "rebooting_hard" : "rebooting")
        case .delete: return .none
        }
    }

    private mutating func order(
        _ desired: WorkOrder.Desired, reboot: WorkOrder.Reboot? = nil, progress: String
    ) -> ServerEffects {
        self.desired = desired
        self.reboot = reboot
        self.progress = progress
        isOrderVoid = nil
        orderRevision += 1
        return ServerEffects(wake: host.map { [$0] } ?? [])
    }

    /// The user was told that the order failed, so that it must not be carried out any more, by a host that tries again or comes back.
    private mutating func giveUpOrder() -> ServerEffects {
        desired = vmState == .stopped ? .stopped : .running
        isOrderVoid = true
        orderRevision += 1
        return ServerEffects(wake: host.map { [$0] } ?? [])
    }

    private func isAccomplished(_ action: ActionRecord) -> Bool {
        guard action.state == .running, appliedRevision >= orderRevision, presence == .present else { return false }
        return switch action.verb {
        case .create: build == .spawning && powerState == .running
        case .start, .reboot: powerState == .running
        case .stop: powerState == .shutdown || powerState == .crashed
        case .delete: false
        }
    }

    private mutating func accomplish(_ action: ActionRecord, at now: Timestamp) {
        switch action.verb {
        case .create:
            build = .finished
            launchedAt = now
            vmState = .active
        case .start, .reboot: vmState = .active
        case .stop: vmState = .stopped
        case .delete: break
        }
        fault = nil
        finishCurrent(.done, nil, at: now)
        changed(at: now)
    }

    // MARK: - Failing and undoing

    /// The host can't carry out the latest order.
    private mutating func failed(_ reason: String, at now: Timestamp) -> ServerEffects {
        guard let index = actions.firstIndex(where: { !$0.isFinished }), actions[index].state == .running else { return .none }
        guard actions[index].verb == .create else {
            // A delete is never given up.
            guard actions[index].verb != .delete else { return .none }
            finishCurrent(.failed, reason, at: now)
            return giveUpOrder()
        }
        guard build == .spawning, let host else { return .none }
        failedHosts.append(host)
        build = .undoing(reason: reason)
        return order(.destroyed, progress: progress ?? "spawning")
    }

    private mutating func pastDeadline(_ action: ActionRecord, at now: Timestamp) -> ServerEffects {
        if case .undoing(let reason) = build, isGoneFromHost {
            build = .seekingHost(reason: reason)
            host = nil
            changed(at: now)
            var effects = ServerEffects(releasesClaim: holdsClaim, seeksHost: true)
            holdsClaim = false
            effects.seeksHost = true
            return effects
        }
        let isLate = action.deadline.map { $0 < now } ?? false
        if case .seekingHost(let reason) = build {
            // The scheduler may be away for longer than the build may take: nothing is left of it here, and another cell may take it.
            guard isLate else { return ServerEffects(seeksHost: true) }
            refuse(reason + " No other host was found before the build's deadline.", at: now)
            return .none
        }
        guard isLate else { return .none }
        let reason =
            action.verb == .create
            ? "The server did not come up before its build deadline." : "Its host did not answer before the action's deadline."
        finishCurrent(.failed, reason, at: now)
        changed(at: now)
        guard action.verb == .create else { return giveUpOrder() }
        vmState = .error
        fault = ServerReport.Fault(code: 500, message: reason, at: now)
        if case .undoing = build { return .none }
        if case .sought = build { return .none }
        build = .undoing(reason: reason)
        return order(.destroyed, progress: "spawning")
    }

    private mutating func advanceDeletion(_ index: Int, at now: Timestamp) -> ServerEffects {
        var effects = ServerEffects.none
        for other in actions.indices where other != index && !actions[other].isFinished {
            actions[other].state = .interrupted
            actions[other].message = "The server was deleted meanwhile."
            actions[other].finishedAt = now
        }
        if actions[index].state == .stored {
            actions[index].state = .running
            actions[index].startedAt = now
            changed(at: now)
        }
        if host != nil, desired != .destroyed || orderRevision == 0 {
            effects += order(.destroyed, progress: "deleting")
            changed(at: now)
        }
        // Where it is has to be known before it can be said to be gone.
        if case .sought = build { return effects }
        guard host == nil || isGoneFromHost else { return effects }
        effects.releasesClaim = holdsClaim
        holdsClaim = false
        vmState = .deleted
        powerState = .noState
        terminatedAt = now
        fault = nil
        actions[index].state = .done
        actions[index].finishedAt = now
        doneThrough = max(doneThrough, actions[index].number)
        progress = nil
        changed(at: now)
        return effects
    }

    /// Nobody asked for anything, but the guest has changed by itself: it shut down, crashed, came back, or is gone.
    private mutating func followGuest(at now: Timestamp) {
        guard build == .finished, desired != .destroyed, appliedRevision >= orderRevision else { return }
        let before = vmState
        switch (vmState, presence, powerState) {
        case (.active, .present, .shutdown), (.active, .present, .crashed):
            vmState = .stopped
            desired = .stopped
        case (.stopped, .present, .running), (.stopped, .present, .paused):
            vmState = .active
            desired = .running
        case (.active, .absent, _), (.stopped, .absent, _):
            vmState = .error
            fault = ServerReport.Fault(code: 500, message: "The guest is gone from its host.", at: now)
        case (_, _, _): break
        }
        if vmState != before { changed(at: now) }
    }

    /// A build that missed its deadline gives its room back once its host has confirmed that nothing is left.
    private mutating func releaseIfGone() -> ServerEffects {
        guard case .undoing = build, holdsClaim, isGoneFromHost else { return .none }
        holdsClaim = false
        build = .finished
        return ServerEffects(releasesClaim: true)
    }

    // MARK: - Keeping the book

    private mutating func finishCurrent(
        _ state: ActionReport.State, _ message: String?, at now: Timestamp, advancing: Bool = true
    ) {
        guard let index = actions.firstIndex(where: { !$0.isFinished }) else { return }
        actions[index].state = state
        actions[index].message = message
        actions[index].finishedAt = now
        if advancing { doneThrough = actions[index].number }
        reboot = nil
        progress = nil
    }

    /// Adds steps to the timeline of the action they belong to: the one under way, else the last.
    package mutating func note(_ steps: [TraceStep]) {
        guard !steps.isEmpty, let index = actions.firstIndex(where: { !$0.isFinished }) ?? actions.indices.last else { return }
        for step in steps where actions[index].steps.count < ActionRecord.stepsKept && !actions[index].steps.contains(step) {
            actions[index].steps.append(step)
        }
    }

    private mutating func changed(at now: Timestamp) { updatedAt = now }
}

private func + (left: ServerEffects, right: ServerEffects) -> ServerEffects {
    var sum = left
    sum += right
    return sum
}
