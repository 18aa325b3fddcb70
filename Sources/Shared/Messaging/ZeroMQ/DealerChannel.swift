internal import CZeroMQ
import CellProtocol
import CloudModel
import Foundation

/// A socket that dials one peer (DEALER) on one lane, again and again for as long as it exists. Messages wait here, not in libzmq,
/// until there is a connection: here their time runs out.
final class DealerChannel: ReactorChannel {
    /// Between tries libzmq waits this long, in milliseconds, doubling up to the second.
    private static let firstRetry: Int32 = 50
    private static let longestRetry: Int32 = 1_000
    /// A SYN into a cut link is given up after this, so that healing is noticed soon. Milliseconds.
    private static let connectTimeout: Int32 = 2_000
    /// libzmq stops dialling for good when a handshake was refused (the key wasn't enrolled yet) or the peer broke the protocol. A
    /// socket without a connection for this long is replaced; each time it waits twice as long, so that thousands of handshakes on a
    /// slow machine are not begun again and again.
    private static let shortestPatience = Duration.seconds(3)
    private static let longestPatience = Duration.seconds(12)

    private(set) var socket: ZeroMQSocket
    let peer: PeerName
    let lane: Lane
    private let endpoint: String
    private let serverKey: String
    private let settings: LinkSettings
    private let exchange: Exchange
    private let context: UnsafeMutableRawPointer
    private let message: UnsafeMutablePointer<zmq_msg_t>
    private var waiting = Fifo<OutgoingFrame>()
    private var waitingBytes = 0
    private var isConnected = false
    private var disconnectedSince: BootInstant
    private var patience = DealerChannel.shortestPatience

    init(
        _ context: UnsafeMutableRawPointer, dial: Dial, lane: Lane, endpoint: String, settings: LinkSettings, exchange: Exchange
    ) throws {
        peer = dial.peer
        self.lane = lane
        self.endpoint = endpoint
        serverKey = dial.serverKey
        self.settings = settings
        self.exchange = exchange
        self.context = context
        disconnectedSince = exchange.clock()
        socket = try Self.open(context, endpoint: endpoint, lane: lane, serverKey: serverKey, settings: settings)
        message = .allocate(capacity: 1)
        zmq_msg_init(message)
    }

    deinit {
        zmq_msg_close(message)
        message.deallocate()
    }

    func send(_ frame: OutgoingFrame) {
        var frame = frame
        if waiting.isEmpty, isConnected, transmit(&frame) { return }
        // A heartbeat tells of now, and the connection announces itself when it is there.
        if frame.type == .heartbeat { return exchange.undelivered(frame, .unreachable) }
        let limits = settings.limits
        guard waiting.count < limits.waitingMessages, waitingBytes + frame.bytes.count <= limits.waitingBytes else {
            return exchange.undelivered(frame, .overloaded)
        }
        waitingBytes += frame.bytes.count
        waiting.append(frame)
    }

    func drain(limit: Int) -> Bool {
        var mayHaveMore = true
        for _ in 0..<limit {
            guard socket.receive(message) else {
                mayHaveMore = false
                break
            }
            if zmq_msg_more(message) != 0 {
                while zmq_msg_more(message) != 0, socket.receive(message) {}
                exchange.refuseMalformed(MalformedMessage("of several parts"), from: peer)
                continue
            }
            let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
            exchange.received(bytes, from: peer, lane: lane)
        }
        if mayHaveMore { return true }
        noticeConnection()
        // To look and to send take the signal of what came since the last receive, be it a message or a connection.
        let isReady = socket.isReady
        return isReady.toReceive || isReady.toSend != isConnected
    }

    /// Whether `tend` may have something to do soon.
    var needsTending: Bool { !isConnected || !waiting.isEmpty }

    /// Drops what has waited too long, and replaces a socket that has been without a connection for long.
    func tend(at now: BootInstant, _ loop: ReactorLoop) throws {
        while let head = waiting.head, head.expires <= now { dropHead() }
        guard !isConnected, now - disconnectedSince > patience else { return }
        disconnectedSince = now
        patience = min(patience * 2, Self.longestPatience)
        let fresh = try Self.open(context, endpoint: endpoint, lane: lane, serverKey: serverKey, settings: settings)
        loop.remove(self)
        socket = fresh
        loop.add(self)
    }

    private func dropHead() {
        guard let frame = waiting.popFirst() else { return }
        waitingBytes -= frame.bytes.count
        exchange.undelivered(frame, .expired)
    }

    /// With ZMQ_IMMEDIATE a socket can be written exactly when it has a connection with room.
    private func noticeConnection() {
        let isWritable = socket.isReady.toSend
        if isWritable, !isConnected {
            isConnected = true
            patience = Self.shortestPatience
            exchange.connected(peer, on: lane)
        } else if !isWritable, isConnected {
            isConnected = false
            disconnectedSince = exchange.clock()
        }
        while isConnected, var frame = waiting.head {
            if frame.expires <= exchange.clock() {
                dropHead()
                continue
            }
            guard transmit(&frame) else { return }
            _ = waiting.popFirst()
            waitingBytes -= frame.bytes.count
        }
    }

    /// True: gone, one way or the other. False: the connection has no room, or isn't there.
    private func transmit(_ frame: inout OutgoingFrame) -> Bool {
        guard let bytes = frame.stamped(at: exchange.clock()) else {
            exchange.undelivered(frame, .expired)
            return true
        }
        switch bytes.withUnsafeBytes({ socket.send($0) }) {
        case 0:
            return true
        case EAGAIN:
            isConnected = false
            disconnectedSince = exchange.clock()
            return false
        default:
            exchange.undelivered(frame, .unreachable)
            return true
        }
    }

    private static func open(
        _ context: UnsafeMutableRawPointer, endpoint: String, lane: Lane, serverKey: String, settings: LinkSettings
    ) throws -> ZeroMQSocket {
        let socket = try ZeroMQSocket(context, type: ZMQ_DEALER)
        try socket.setForTCP(settings, lane: lane)
        try socket.setHeartbeats(settings)
        try socket.set(ZMQ_CURVE_SERVERKEY, serverKey)
        // Nothing is queued for a connection that isn't there, and what was queued in one that broke is dropped.
        try socket.set(ZMQ_IMMEDIATE, Int32(1))
        try socket.set(ZMQ_RECONNECT_IVL, firstRetry)
        try socket.set(ZMQ_RECONNECT_IVL_MAX, longestRetry)
        try socket.set(ZMQ_CONNECT_TIMEOUT, connectTimeout)
        try socket.connect(endpoint)
        return socket
    }
}
