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

    /// The guests with the specs kept beside them, for HostHello.
    package var adopted: [HostHello.Guest] {
        guests.values.sorted { $0.server < $1.server }.map { guest in
            HostHello.Guest(
                observation: Observation(
                    server: guest.server, epoch: guest.epoch, appliedRevision: guest.appliedRevision,
                    presence: running[guest.server]?.verb == .build ? .building : .present, power: guest.power),
                spec: guest.spec)
        }
    }

    /// How many servers are ordered or here: how long messages about all of them are.
    package var serversKnown: Int { max(orders.count, guests.count) }
}
