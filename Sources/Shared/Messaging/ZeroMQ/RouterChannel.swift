internal import CZeroMQ
import CellProtocol
import CloudModel
import Foundation
import Logging

/// A listening socket (ROUTER) of one lane: its peers are known by the names that the ZAP handler gave their keys.
final class RouterChannel: ReactorChannel {
    /// Connections the kernel accepts for us while we are busy: a whole cell's hosts dial at once when its conductor starts.
    private static let backlog: Int32 = 4_096

    let socket: ZeroMQSocket
    let lane: Lane
    /// The real one, when it was bound to port 0.
    let endpoint: String
    private let exchange: Exchange
    private let enrolment: Enrolment
    /// As of the last look at the connections.
    private var removals: Int
    private var routes: Routes
    private let message: UnsafeMutablePointer<zmq_msg_t>

    init(
        _ context: UnsafeMutableRawPointer, endpoint: String, lane: Lane, domain: String, enrolment: Enrolment,
        settings: LinkSettings, exchange: Exchange
    ) throws {
        socket = try ZeroMQSocket(context, type: ZMQ_ROUTER)
        try socket.setForTCP(settings, lane: lane)
        try socket.set(ZMQ_ROUTER_MANDATORY, Int32(1))
        try socket.set(ZMQ_CURVE_SERVER, Int32(1))
        try socket.set(ZMQ_BACKLOG, Self.backlog)
        try socket.set(ZMQ_ZAP_DOMAIN, domain)
        self.lane = lane
        self.exchange = exchange
        self.enrolment = enrolment
        removals = enrolment.removals
        routes = Routes(silence: settings.heartbeat * settings.limits.silentAfter)
        self.endpoint = try socket.bind(endpoint)
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    func knows(_ peer: PeerName) -> Bool { routes.address(of: peer) != nil }

    /// Nil: sent.
    func send(_ bytes: [UInt8], to peer: PeerName) -> Undelivered? {
        guard let connection = routes.address(of: peer) else { return .unreachable }
        switch address(to: connection) {
        case 0:
            // The second part follows the first: libzmq takes it, or drops it when the connection breaks in between.
            return bytes.withUnsafeBytes { socket.send($0) } == 0 ? nil : .unreachable
        case EAGAIN:
            return .overloaded
        default:
            routes.gone(connection, of: peer)
            return .unreachable
        }
    }

    /// The first part of a message: libzmq's routing id of the connection.
    private func address(to connection: Routes.Connection) -> Int32 {
        let id = (
            UInt8(0), UInt8(truncatingIfNeeded: connection >> 24), UInt8(truncatingIfNeeded: connection >> 16),
            UInt8(truncatingIfNeeded: connection >> 8), UInt8(truncatingIfNeeded: connection)
        )
        return withUnsafeBytes(of: id) { socket.send($0, more: true) }
    }

    func drain(limit: Int) -> Bool {
        let now = exchange.clock()
        for _ in 0..<limit {
            guard socket.receive(message) else { return false }
            let connection = Self.connection(message)
            guard zmq_msg_more(message) != 0, socket.receive(message) else { continue }
            if zmq_msg_more(message) != 0 {
                skipRest()
                exchange.refuseMalformed(MalformedMessage("of several parts"), from: bearerOfMessage()?.peer ?? exchange.name)
                continue
            }
            take(connection, at: now)
        }
        return true
    }

    /// Hands the message to the exchange, if its connection speaks for a name.
    private func take(_ connection: Routes.Connection?, at now: BootInstant) {
        guard let connection else {
            exchange.count(\.malformed)
            exchange.log.refused(.ownRoutingID, bearerOfMessage()?.peer)
            return
        }
        guard let peer = peer(of: connection, at: now) else {
            exchange.count(\.unknownKeys)
            exchange.log.refused(.unknownKey, nil)
            return
        }
        switch routes.heard(connection, of: peer, at: now) {
        case .current:
            break
        case .moved(let before):
            if before != nil {
                exchange.count(\.reconnected)
                exchange.log.logger.info("peer reconnected", metadata: ["peer": "\(peer)", "lane": "\(lane)"])
            }
        case .superseded:
            exchange.count(\.superseded)
            exchange.log.refused(.superseded, peer)
            return
        }
        let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
        exchange.received(bytes, from: peer, lane: lane)
    }

    /// libzmq's own routing ids are a zero and four bytes. Anything else was set by the peer, which may collide with another's.
    private static func connection(_ message: UnsafeMutablePointer<zmq_msg_t>) -> Routes.Connection? {
        let id = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
        guard id.count == 5, id[0] == 0 else { return nil }
        return id.number(at: 1)
    }

    /// Whom the message's connection speaks for. Its key may have lost that name since the handshake, for which libzmq has no word: whoever
    /// was shut out is not heard, however long he stays connected.
    private func peer(of connection: Routes.Connection, at now: BootInstant) -> PeerName? {
        if removals != enrolment.removals {
            removals = enrolment.removals
            routes.shutOut { [enrolment] in enrolment.peer(for: $0.key) != $0.peer }
        }
        if let known = routes.name(of: connection) { return known }
        guard let bearer = bearerOfMessage(), enrolment.peer(for: bearer.key) == bearer.peer else { return nil }
        routes.introduce(connection, bearer)
        return bearer.peer
    }

    /// What the ZAP handler said of the connection the message came by.
    private func bearerOfMessage() -> Bearer? {
        zmq_msg_gets(message, "User-Id").flatMap { Bearer(userID: String(cString: $0)) }
    }

    private func skipRest() {
        while zmq_msg_more(message) != 0, socket.receive(message) {}
    }
}
