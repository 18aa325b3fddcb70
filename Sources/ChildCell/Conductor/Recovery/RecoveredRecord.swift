internal import CellProtocol
internal import CloudModel

/// The record of a server after a restore of its cell's database, from the three that know of it: the API cell's last word, the restored
/// record, and the hosts. A server that ran stays where it ran. One that was being built is where a host says it has it, whatever
/// the restored record says: builds move from host to host.
extension ServerRecord {
    /// - Parameters:
    ///   - known: the server as the API cell has it mapped to this cell.
    ///   - held: the restored record.
    ///   - seen: the host that has it, or was told to build it, under the placement of `known`.
    ///   - allSpoke: every host that may have it has said what it has.
    /// - Returns: the record to write; nil: what is held stays, or nothing is to be held and the create comes again.
    static func recovered(
        _ known: RecoverServers.Known, held: ServerRecord?, seen: Sightings.Sighting?, allSpoke: Bool, at now: Timestamp
    ) -> ServerRecord? {
        let report = known.lastReport.flatMap { $0.epoch == known.epoch ? $0 : nil }
        // A later placement is none of a top that was rewound itself; an earlier one had been given back before this one was made.
        if let held, held.epoch > known.epoch { return nil }
        let current = held.flatMap { $0.epoch == known.epoch ? $0 : nil }
        // What the API cell was told last may come from a record that is lost: what is told from here on has to be newer.
        let told = report?.revision ?? -1
        if var current, current.isSettled {
            guard current.revision <= told else { return nil }
            current.revision = told
            return current
        }
        let isNewer = (current?.revision ?? -1) < told
        var record = current ?? ServerRecord(id: known.server, epoch: known.epoch, spec: known.spec, at: now)
        if current == nil { record.revision = held?.revision ?? 0 }
        if let report, isNewer { record.adopt(report) }
        if !record.isSettled {
            if record.launchedAt != nil {
                if isNewer || current == nil {
                    record.settleIn(on: seen, or: report, held: current)
                } else if let seen, seen.host == record.host, seen.revision > record.orderRevision {
                    // It was given an order since, which nobody here remembers.
                    record.orderRevision = seen.revision
                }
            } else {
                let isAsHeld = current != nil && !isNewer
                guard record.locate(seen, isAsHeld: isAsHeld, isKnown: isAsHeld || report != nil, allSpoke: allSpoke) else {
                    return nil
                }
                // A delete that waited for its host may have nothing to wait for any more.
                _ = record.advance(at: now)
            }
        }
        if record == held, record.revision > told { return nil }
        record.revision = max(record.revision, told)
        return record
    }

    /// A late host has spoken, and has it.
    mutating func found(_ seen: Sightings.Sighting, at now: Timestamp) -> ServerEffects {
        guard case .sought = build, !isSettled, seen.epoch == epoch else { return .none }
        place(on: seen)
        return advance(at: now)
    }

    /// The last host has spoken, and none has it.
    mutating func foundNowhere(at now: Timestamp) -> ServerEffects {
        guard case .sought = build, !isSettled else { return .none }
        seekAnew()
        return advance(at: now)
    }

    // MARK: -

    /// Orders of a build that was found or is looked for anew are numbered this much higher: above any that hosts remember of the time
    /// that was lost, of which a build can't have seen more (three hosts, each told to build and to undo).
    private static let revisionsLost: Int64 = 1_000

    private static let lost = "Its build was lost in a restore of the cell's database."

    /// Takes over what the API cell was told last. Actions that it shows as undone are handed over again.
    private mutating func adopt(_ report: ServerReport) {
        vmState = report.vmState
        powerState = report.powerState
        progress = report.progress
        doneThrough = report.doneThrough
        fault = report.fault
        launchedAt = report.launchedAt
        terminatedAt = report.terminatedAt
        revision = report.revision
        refused = report.refused
        host = report.host
        zone = report.zone
        actions = []
        if isSettled {
            build = .finished
            orderRevision = 0
            holdsClaim = false
        } else if launchedAt == nil, vmState == .error {
            // The API cell was told that the build had failed; whether it was undone is the hosts' to say.
            build = .undoing(reason: fault?.message ?? Self.lost)
        }
    }

    /// A server that ran: it is kept as it is.
    private mutating func settleIn(on seen: Sightings.Sighting?, or report: ServerReport?, held: ServerRecord?) {
        host = seen?.host ?? report?.host
        zone = seen?.zone ?? report?.zone
        holdsClaim = host != nil
        build = .finished
        desired = vmState == .stopped ? .stopped : .running
        // Below any revision that the host has applied: its first report lifts it (see `take`). A host may have reported before the
        // restore was noticed; it was acknowledged and doesn't say it again.
        orderRevision = max(1, held?.orderRevision ?? 0, seen?.revision ?? 0)
        appliedRevision = held?.appliedRevision ?? 0
        presence = .present
    }

    /// A server that had not run. False: nobody knows more of it than its mapping, and the create that comes again builds it.
    private mutating func locate(_ seen: Sightings.Sighting?, isAsHeld: Bool, isKnown: Bool, allSpoke: Bool) -> Bool {
        if let seen {
            if isAsHeld, host == seen.host {
                orderRevision = max(orderRevision, seen.revision)
            } else {
                place(on: seen)
            }
            return true
        }
        if build == .finished { return isKnown }
        if allSpoke {
            guard isKnown else { return false }
            seekAnew()
        } else {
            leaveHost()
            build = .sought
        }
        return true
    }

    private mutating func place(on seen: Sightings.Sighting) {
        host = seen.host
        zone = seen.zone
        holdsClaim = true
        presence = .absent
        appliedRevision = 0
        orderRevision = max(orderRevision, seen.revision) + Self.revisionsLost
        if vmState == .error {
            build = .undoing(reason: fault?.message ?? Self.lost)
            desired = .destroyed
        } else {
            build = .spawning
            desired = .running
        }
    }

    /// Nobody has it: another host is looked for, unless its build had failed for good.
    private mutating func seekAnew() {
        leaveHost()
        orderRevision += Self.revisionsLost
        build = vmState == .error ? .finished : .seekingHost(reason: Self.lost)
    }

    private mutating func leaveHost() {
        host = nil
        holdsClaim = false
        presence = .absent
        appliedRevision = 0
        desired = .running
    }
}
