import CellProtocol

/// Whom a connection's key made it: what the ZAP handler tells libzmq (User-Id, ZeroMQ RFC 27), which gives it back with every message of
/// the connection.
struct Bearer: Sendable, Equatable {
    let peer: PeerName
    let key: String

    init(peer: PeerName, key: String) {
        self.peer = peer
        self.key = key
    }

    /// `cell:tunis <key>`; no name and no key holds a space.
    init?(userID: String) {
        let parts = userID.split(separator: " ")
        guard parts.count == 2, let peer = PeerName(parts[0]) else { return nil }
        self.init(peer: peer, key: String(parts[1]))
    }

    var userID: String { "\(peer) \(key)" }
}
