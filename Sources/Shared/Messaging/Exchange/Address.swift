import CellProtocol

/// Where a message goes to or comes from. On most links that is the peer whose key the connection was made with; over a shared link it
/// is one of the hosts that a simulator speaks for.
struct Address: Hashable, Sendable {
    /// Who is talked with.
    let peer: PeerName
    /// Whose connection carries it, and who answers for what it costs.
    let link: PeerName
    /// What the envelope says; nil: the link isn't shared.
    let member: PeerName?

    init(_ peer: PeerName) {
        self.peer = peer
        link = peer
        member = nil
    }

    /// A host, for those who hear a simulator.
    init(_ host: PeerName, over simulator: PeerName) {
        peer = host
        link = simulator
        member = host
    }

    /// A peer, for one of a simulator's own hosts.
    init(_ peer: PeerName, as host: PeerName) {
        self.peer = peer
        link = peer
        member = host
    }
}
