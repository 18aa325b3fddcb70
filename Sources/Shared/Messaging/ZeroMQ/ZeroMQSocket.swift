internal import CZeroMQ
import CloudModel
import Foundation

/// One libzmq socket, closed with this object. Belongs to the reactor's thread: libzmq sockets may not be shared.
final class ZeroMQSocket {
    /// How long libzmq goes on sending what was handed to it before the socket was closed.
    private static let linger: Int32 = 200
    /// Seconds without a byte after which the kernel asks whether the peer's is there, and between such questions. Shorter costs packets on
    /// idle links, longer keeps what waits for a dead peer.
    private static let probeAfter: Int32 = 10
    private static let probeEvery: Int32 = 2

    private let handle: UnsafeMutableRawPointer
    private var isClosed = false
    /// Readable when something may have changed; libzmq's is edge-triggered: receive until nothing is left before sleeping on it.
    let descriptor: Int32

    init(_ context: UnsafeMutableRawPointer, type: Int32) throws {
        guard let handle = zmq_socket(context, type) else { throw Self.failure("zmq_socket(3)") }
        self.handle = handle
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        guard zmq_getsockopt(handle, ZMQ_FD, &descriptor, &size) == 0 else {
            zmq_close(handle)
            throw Self.failure("zmq_getsockopt(3) ZMQ_FD")
        }
        self.descriptor = descriptor
        try set(ZMQ_LINGER, Self.linger)
    }

    deinit { close() }

    /// Nothing may be called afterwards.
    func close() {
        if !isClosed { zmq_close(handle) }
        isClosed = true
    }

    func set(_ option: Int32, _ value: Int32) throws {
        var value = value
        guard zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size) == 0 else {
            throw Self.failure("zmq_setsockopt(3) option \(option)")
        }
    }

    func set(_ option: Int32, _ value: Int64) throws {
        var value = value
        guard zmq_setsockopt(handle, option, &value, MemoryLayout<Int64>.size) == 0 else {
            throw Self.failure("zmq_setsockopt(3) option \(option)")
        }
    }

    func set(_ option: Int32, _ text: String) throws {
        // Keys in Z85 count with their final zero (zmq_setsockopt(3), ZMQ_CURVE_PUBLICKEY).
        let isKey = option != ZMQ_ZAP_DOMAIN
        let size = text.utf8.count + (isKey ? 1 : 0)
        guard text.withCString({ zmq_setsockopt(handle, option, $0, size) }) == 0 else {
            throw Self.failure("zmq_setsockopt(3) option \(option)")
        }
    }

    func bind(_ endpoint: String) throws -> String {
        guard zmq_bind(handle, endpoint) == 0 else { throw Self.failure("zmq_bind(3) \(endpoint)") }
        var name = [CChar](repeating: 0, count: 256)
        var size = name.count
        guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &name, &size) == 0 else {
            throw Self.failure("zmq_getsockopt(3) ZMQ_LAST_ENDPOINT")
        }
        return name.withUnsafeBufferPointer { $0.baseAddress.map(String.init(cString:)) ?? endpoint }
    }

    func connect(_ endpoint: String) throws {
        guard zmq_connect(handle, endpoint) == 0 else { throw Self.failure("zmq_connect(3) \(endpoint)") }
    }

    /// Whether a message could be received now, and whether one could be sent. Looking takes the descriptor's signal with it: a message
    /// that can be received must be, before anybody sleeps on the descriptor.
    var isReady: (toReceive: Bool, toSend: Bool) {
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        guard zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size) == 0 else { return (false, false) }
        return (events & ZMQ_POLLIN != 0, events & ZMQ_POLLOUT != 0)
    }

    /// 0, or the errno of zmq_send(3).
    func send(_ bytes: UnsafeRawBufferPointer, more: Bool = false) -> Int32 {
        while true {
            if zmq_send(handle, bytes.baseAddress, bytes.count, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0 { return 0 }
            let error = zmq_errno()
            if error != EINTR { return error }
        }
    }

    /// Puts the next frame into `message`; false when there is none now.
    func receive(_ message: UnsafeMutablePointer<zmq_msg_t>) -> Bool {
        while true {
            if zmq_msg_recv(message, handle, ZMQ_DONTWAIT) >= 0 { return true }
            if zmq_errno() != EINTR { return false }
        }
    }

    /// Options of every socket that speaks TCP: CURVE, bounded queues, and what closes half-open connections, so that what waits in them
    /// is dropped instead of delivered late. That is the kernel's work, which costs a process nothing: bytes that nobody acknowledges,
    /// and probes of a connection that carries none.
    func setForTCP(_ settings: LinkSettings, lane: Lane) throws {
        let water = Int32(clamping: lane == .control ? settings.limits.highWaterMark : settings.limits.bulkHighWaterMark)
        try set(ZMQ_SNDHWM, water)
        try set(ZMQ_RCVHWM, water)
        // What libzmq doesn't take it drops with the connection and without a word; up to twice the limit we refuse it ourselves, by name,
        // count and log. Higher would only cost memory for messages that are refused anyway.
        try set(ZMQ_MAXMSGSIZE, Int64(2 * settings.limits.bytes(lane) + Envelope.longestPreamble))
        try set(ZMQ_TCP_MAXRT, settings.transportSilence)
        try set(ZMQ_TCP_KEEPALIVE, Int32(1))
        try set(ZMQ_TCP_KEEPALIVE_IDLE, Self.probeAfter)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, Self.probeEvery)
        try set(ZMQ_HANDSHAKE_IVL, Int32(10_000))
        try set(ZMQ_CURVE_PUBLICKEY, settings.keys.publicKey)
        try set(ZMQ_CURVE_SECRETKEY, settings.keys.secretKey)
    }

    /// libzmq's own heartbeats, for the side that dials: they also close the connection to a peer whose kernel answers and who doesn't.
    /// One side's suffice, because each is answered and tells the other how long it may count on it; from both sides they would be most
    /// of what an idle process with a thousand links does.
    func setHeartbeats(_ settings: LinkSettings) throws {
        try set(ZMQ_HEARTBEAT_IVL, settings.transportHeartbeat)
        try set(ZMQ_HEARTBEAT_TIMEOUT, settings.transportSilence)
        try set(ZMQ_HEARTBEAT_TTL, settings.transportSilence)
    }

    static func failure(_ call: String) -> CloudError {
        let number = zmq_errno()
        return CloudError(
            .unavailable, "A message socket can't be opened: \(call): \(String(cString: zmq_strerror(number))).",
            detail: "errno \(number)")
    }
}

/// What every socket of one messenger is set to.
struct LinkSettings {
    let keys: CurveKeyPair
    let limits: MessagingLimits
    let heartbeat: Duration

    /// In milliseconds. Our own heartbeats tell who is there, and the kernel ends the connection to a machine that isn't; libzmq's only end
    /// one to a process that is stuck, so a fifth as many will do.
    var transportHeartbeat: Int32 { Int32(clamping: max(200, 5 * heartbeat.wholeMilliseconds)) }
    /// So long after a ping without any byte, or after a byte that nobody acknowledged, the connection is closed and dialled again.
    var transportSilence: Int32 { Int32(clamping: max(1_000, 3 * heartbeat.wholeMilliseconds)) }
}
