import CellProtocol

/// Which connection of a ROUTER stands for which name. libzmq numbers connections itself (peers set no routing id); the key's name is
/// learnt from the first message. The newest connection of a name is its address. An older one is refused while the newest is alive,
/// and becomes the address again when it isn't: so two processes with one key don't take turns, and one that remains isn't lost.
struct Routes {
    /// libzmq's routing id without its leading zero.
    typealias Connection = UInt32

    enum Verdict: Equatable {
        case current
        /// A new connection took the name's address over; `from` is the one before, nil for the first.
        case moved(from: Connection?)
        /// A newer connection of the same name is alive: refuse.
        case superseded
    }

    private struct Address {
        var current: Connection
        var lastHeard: BootInstant
        /// Newest last.
        var older: [Connection] = []
    }

    /// Older connections remembered per name. Normally they are dead; libzmq never tells.
    private static let rememberedConnections = 8

    private let silence: Duration
    private var names: [Connection: PeerName] = [:]
    private var keys: [Connection: String] = [:]
    private var addresses: [PeerName: Address] = [:]

    init(silence: Duration) {
        self.silence = silence
    }

    /// Whom a connection belongs to, once `introduce` said so.
    func name(of connection: Connection) -> PeerName? { names[connection] }

    func address(of peer: PeerName) -> Connection? { addresses[peer]?.current }

    /// The first message of a connection came, which tells the key that it has proven.
    mutating func introduce(_ connection: Connection, _ bearer: Bearer) {
        names[connection] = bearer.peer
        keys[connection] = bearer.key
    }

    /// Forgets the connections whose keys don't stand for their names any more: whoever speaks over one has to be introduced again.
    mutating func shutOut(where isStale: (Bearer) -> Bool) {
        for (connection, key) in keys {
            guard let peer = names[connection], isStale(Bearer(peer: peer, key: key)) else { continue }
            if addresses[peer]?.current == connection {
                gone(connection, of: peer)
            } else {
                addresses[peer]?.older.removeAll { $0 == connection }
                forget(connection)
            }
        }
    }

    private mutating func forget(_ connection: Connection) {
        names[connection] = nil
        keys[connection] = nil
    }

    /// A message came from a connection whose key stands for `peer`.
    mutating func heard(_ connection: Connection, of peer: PeerName, at now: BootInstant) -> Verdict {
        guard var address = addresses[peer] else {
            names[connection] = peer
            addresses[peer] = Address(current: connection, lastHeard: now)
            return .moved(from: nil)
        }
        defer { addresses[peer] = address }
        if address.current == connection {
            address.lastHeard = now
            return .current
        }
        if let index = address.older.firstIndex(of: connection) {
            guard now - address.lastHeard > silence else { return .superseded }
            address.older.remove(at: index)
        }
        let before = address.current
        address.older.append(before)
        if address.older.count > Self.rememberedConnections { forget(address.older.removeFirst()) }
        address.current = connection
        address.lastHeard = now
        names[connection] = peer
        return .moved(from: before)
    }

    /// libzmq has no such connection any more (EHOSTUNREACH).
    mutating func gone(_ connection: Connection, of peer: PeerName) {
        guard addresses[peer]?.current == connection, let address = addresses.removeValue(forKey: peer) else { return }
        forget(connection)
        for older in address.older { forget(older) }
    }
}
