import CellProtocol

/// Which hosts are reached over which simulator's link. No clock, no I/O, and no say in who may speak for whom: that was decided before.
///
/// The route to a host is its simulator's *name*, so a simulator that connects anew has all its hosts back at once. In contact is a host
/// only with the process that has spoken for it: one that was started anew with fewer hosts doesn't keep the rest alive.
struct SharedLinks {
    private struct Member {
        let link: PeerName
        /// The process that spoke for it last; see `Heartbeat.incarnation`.
        var process: UInt64
        /// When that one was last in contact, once another has taken its place.
        var lastContact: BootInstant?
    }

    /// Hosts of one link: those of the process at its other end, and of its predecessors' as many as there is room for. Each costs what a
    /// peer costs, some 20 KB at most.
    private let limit: Int
    private var members: [PeerName: Member] = [:]
    private var hosts: [PeerName: Set<PeerName>] = [:]
    private var processes: [PeerName: UInt64] = [:]

    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { members.isEmpty }

    func link(of host: PeerName) -> PeerName? { members[host]?.link }

    enum Verdict { case known, new, tooMany }

    /// The simulator has spoken for the host. Where its link is full, the hosts that only an earlier process has spoken for make room.
    mutating func heard(_ host: PeerName, over link: PeerName) -> Verdict {
        let process = processes[link, default: 0]
        if let member = members[host], member.link == link, member.process == process { return .known }
        if hosts[link]?.contains(host) != true, hosts[link, default: []].count >= limit {
            for old in hosts[link] ?? [] where !isPresent(old) { forget(old) }
            guard hosts[link, default: []].count < limit else { return .tooMany }
        }
        forget(host)
        members[host] = Member(link: link, process: process)
        hosts[link, default: []].insert(host)
        return .new
    }

    /// A heartbeat has told which process is at the simulator's end. Nil: the same as before. Else the hosts that were the one's before it,
    /// which was last in contact at `lastContact`, and those that are its own.
    mutating func met(
        _ process: UInt64, of link: PeerName, lastContact: BootInstant?
    ) -> (left: [PeerName], present: [PeerName])? {
        let before = processes.updateValue(process, forKey: link)
        guard before != process else { return nil }
        guard let before else {
            // Those that spoke before its first heartbeat.
            for host in hosts[link] ?? [] { members[host]?.process = process }
            return ([], present(on: link))
        }
        let left = present(on: link, of: before)
        for host in left { members[host]?.lastContact = lastContact }
        return (left, present(on: link))
    }

    /// The hosts that the simulator's present process has spoken for.
    func present(on link: PeerName) -> [PeerName] { present(on: link, of: processes[link, default: 0]) }

    /// Whether the process at the other end has spoken for the host.
    func isPresent(_ host: PeerName) -> Bool {
        members[host].map { $0.process == processes[$0.link, default: 0] } ?? false
    }

    /// The last contact with a host: its link's, or that of the process that had it.
    func lastContact(_ host: PeerName, link lastOfLink: (PeerName) -> BootInstant?) -> BootInstant? {
        guard let member = members[host] else { return nil }
        return isPresent(host) ? lastOfLink(member.link) : member.lastContact
    }

    /// The host speaks for itself, or for nobody any more.
    mutating func forget(_ host: PeerName) {
        guard let member = members.removeValue(forKey: host) else { return }
        hosts[member.link]?.remove(host)
    }

    private func present(on link: PeerName, of process: UInt64) -> [PeerName] {
        (hosts[link] ?? []).filter { members[$0]?.process == process }
    }
}
