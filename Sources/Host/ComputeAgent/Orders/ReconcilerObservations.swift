package import CellProtocol
package import CloudModel
import Hypervisors

/// What a reconciler knows, as the conductor is told.
extension Reconciler {
    /// The servers whose observation may have changed since the last call.
    package mutating func takeChanged() -> Set<ServerID> {
        defer { changed = [] }
        return changed
    }

    /// Everything that is here or should be is to be told once more.
    package mutating func tellAgain() {
        changed.formUnion(orders.keys)
        changed.formUnion(guests.keys)
    }

    /// What the conductor should know of a server, without progress and steps; nil: nothing is known of it.
    package func observation(of server: ServerID) -> Observation? {
        if let guest = guests[server], let order = orders[server], order.epoch < guest.epoch { return answer(toOlder: order) }
        let guest = guests[server]
        let work = running[server]
        var observation: Observation
        if let guest {
            let isComingUp = work?.verb == .build
            observation = Observation(
                server: server, epoch: guest.epoch, appliedRevision: guest.appliedRevision,
                presence: isComingUp ? .building : .present, power: isComingUp ? .noState : guest.power)
        } else if let work, work.verb == .build {
            observation = Observation(
                server: server, epoch: work.order.epoch, appliedRevision: 0, presence: .building, power: .noState)
        } else if let done = destroyed[server] {
            observation = Observation(
                server: server, epoch: done.epoch, appliedRevision: done.revision, presence: .absent, power: .noState)
        } else if let epoch = orders[server]?.epoch ?? vanished[server] {
            observation = Observation(server: server, epoch: epoch, appliedRevision: 0, presence: .absent, power: .noState)
            // Waiting for its turn: neither absent nor there.
            if let order = orders[server], order.desired == .running, verdicts[server]?.isReported != true {
                guard work != nil else { return nil }
                observation.presence = .building
            } else if orders[server]?.desired == .destroyed {
                return nil
            }
        } else {
            return nil
        }
        if let verdict = verdicts[server], verdict.isReported, let order = orders[server], order.revision == verdict.revision,
            order.epoch == verdict.epoch
        {
            observation.failure = verdict.sentence
            observation.failedRevision = verdict.revision
            if guest == nil { observation.epoch = order.epoch }
        }
        return observation
    }

    /// Of an older placement nothing is here, whatever is here of a later one.
    private func answer(toOlder order: WorkOrder) -> Observation {
        let isMet = order.desired == .destroyed
        return Observation(
            server: order.server, epoch: order.epoch, appliedRevision: isMet ? order.revision : 0, presence: .absent,
            power: .noState, failure: isMet ? nil : verdicts[order.server]?.sentence,
            failedRevision: isMet ? nil : order.revision)
    }

    /// All that is here or may yet come to be here, for HostHello: the guests with the specs kept beside them, and the builds that are
    /// under way or ordered. What isn't in it can't appear on this host before the host is given new orders.
    package var holdings: [HostHello.Guest] {
        let present = guests.values.map { guest in
            HostHello.Guest(
                observation: Observation(
                    server: guest.server, epoch: guest.epoch, appliedRevision: guest.appliedRevision,
                    presence: running[guest.server]?.verb == .build ? .building : .present, power: guest.power),
                spec: guest.spec, ordered: orders[guest.server]?.revision)
        }
        let coming = (running.values.filter { $0.verb == .build }.map(\.order) + orders.values.filter(mayStillBuild))
            .filter { guests[$0.server] == nil }
        // A build under way may have a newer order behind it: the newer one counts.
        let latest = Dictionary(
            coming.map { ($0.server, $0) }, uniquingKeysWith: { ($0.epoch, $0.revision) < ($1.epoch, $1.revision) ? $1 : $0 })
        let builds = latest.values.map { order in
            HostHello.Guest(
                observation: Observation(
                    server: order.server, epoch: order.epoch, appliedRevision: 0, presence: .building, power: .noState),
                spec: order.spec, ordered: order.revision)
        }
        return (present + builds).sorted { $0.observation.server < $1.observation.server }
    }

    /// Guests for which there is no order: nobody who could order anything knows of them.
    var strangers: Set<ServerID> { Set(guests.keys).subtracting(orders.keys) }

    private func mayStillBuild(_ order: WorkOrder) -> Bool {
        guard order.desired == .running, order.deadline != nil, vanished[order.server].map({ order.epoch > $0 }) ?? true else {
            return false
        }
        if let done = destroyed[order.server], (order.epoch, order.revision) <= (done.epoch, done.revision) { return false }
        guard let verdict = verdicts[order.server], verdict.epoch == order.epoch, verdict.revision == order.revision else {
            return true
        }
        return verdict.retryAt != nil
    }

    /// How many servers are ordered or here: how long messages about all of them are.
    package var serversKnown: Int { max(orders.count, guests.count) }
}
