import CellProtocol
import CloudModel
import Logging

// Links that several names share: a simulator at one end, its cell at the other. The envelope names which of the simulator's hosts says
// a message or is told it. Who hears a simulator believes the name only where the simulator may speak for it (docs/decisions/0022).
extension Exchange.State {
    /// The way to a peer; `member`: for one of our own hosts.
    func address(of peer: PeerName, as member: PeerName?) -> Address {
        if let member { return Address(peer, as: member) }
        if let link = shared.link(of: peer) { return Address(peer, over: link) }
        return Address(peer)
    }

    /// Peers in contact, and the hosts of those that are simulators.
    var inContact: [PeerName] {
        links.flatMap { peer, link in link.contact.isJoined ? [peer] + shared.present(on: peer) : [] }
    }

    /// The process at a simulator's end, as its heartbeats tell it.
    mutating func met(_ process: UInt64, of simulator: PeerName) {
        let contact = links[simulator]?.contact
        guard let change = shared.met(process, of: simulator, lastContact: contact?.lastRoundTrip), contact?.isJoined == true
        else { return }
        for host in change.left { tell(.lost(host)) }
        for host in change.present { tell(.joined(host)) }
    }

    /// A simulator may not speak for the host any more, so it isn't reached over that link either. True: it was in contact.
    mutating func lose(_ host: PeerName, over link: PeerName) -> Bool {
        guard shared.link(of: host) == link else { return false }
        let wasInContact = shared.isPresent(host) && links[link]?.contact.isJoined == true
        shared.forget(host)
        if wasInContact { tell(.lost(host)) }
        return wasInContact
    }

    func tell(_ event: PeerEvent) {
        for subscriber in subscribers.values where subscriber.roles.contains(event.peer.role) {
            subscriber.continuation.yield(event)
        }
    }

    /// See `Messenger.contact`.
    func lastContact(_ peer: PeerName) -> BootInstant? {
        let ofHost = shared.lastContact(peer) { links[$0]?.contact.lastRoundTrip }
        return [links[peer]?.contact.lastRoundTrip, ofHost].compactMap { $0 }.max()
    }
}

extension Exchange {
    /// We are at the simulator's end of our links.
    var isSimulator: Bool { name.role == .simulator }

    /// Whom a message of a link is from. Nil: it was refused, counted and logged, and its caller has heard so.
    func sender(of envelope: Envelope, over link: PeerName) -> Address? {
        guard let member = envelope.member else {
            state.withLock { if !$0.shared.isEmpty { $0.shared.forget(link) } }
            return Address(link)
        }
        if isSimulator { return Address(link, as: member) }
        guard !sharing.isEmpty, link.speaks(for: member, to: name) else {
            refuse(envelope, of: member, over: link, .claimedName)
            return nil
        }
        guard !sharing.contains(where: { $0.names(member) }) else {
            if state.withLock({ $0.lose(member, over: link) }) { log.lost(member) }
            refuse(envelope, of: member, over: link, .claimedName)
            return nil
        }
        let (refusal, isNew) = state.withLock { state -> (RefusalLog.Reason?, Bool) in
            // Its key was taken away, and its connection lives on: a name has one address.
            if state.links[member]?.contact.isJoined == true { return (.claimedName, false) }
            switch state.shared.heard(member, over: link) {
            case .known: return (nil, false)
            case .tooMany: return (.tooManyHosts, false)
            case .new:
                let isInContact = state.links[link]?.contact.isJoined == true
                if isInContact { state.tell(.joined(member)) }
                return (nil, isInContact)
            }
        }
        if let refusal {
            refuse(envelope, of: member, over: link, refusal)
            return nil
        }
        if isNew { log.joined(member) }
        return Address(member, over: link)
    }

    private func refuse(_ envelope: Envelope, of member: PeerName, over link: PeerName, _ reason: RefusalLog.Reason) {
        let isTooMany = reason == .tooManyHosts
        count(isTooMany ? \.overloaded : \.claimedNames)
        log.refused(reason, link, ["claimed": "\(member)", "kind": "\(envelope.kind)"])
        guard envelope.type == .call else { return }
        let error: (code: CloudError.Code, sentence: String) =
            isTooMany
            ? (.overQuota, "\(link) speaks for \(limits.hostsOfOneLink) hosts already; a link has no more.")
            : (.forbidden, "\(link) may not speak for \(member).")
        answer(
            ServedCall(address: Address(link, as: member), id: envelope.id),
            .failure(.refused(error.code, error.sentence)), lane: envelope.lane,
            expires: clock() + .milliseconds(envelope.milliseconds))
    }

    /// The ZAP handler admitted a key as `peer`, or refused it.
    func admission(of peer: PeerName?, key: String) {
        count(peer == nil ? \.unknownKeys : \.admitted)
        if peer == nil { log.refused(.unknownKey, nil, ["key": "\(key)"]) }
    }

    /// The ZAP handler refused a simulator's key: this end takes none.
    func refusedSimulator(_ peer: PeerName) {
        count(\.claimedNames)
        log.refused(.simulator, peer)
    }
}
