internal import CZeroMQ
import CloudModel
import Foundation

/// One libzmq socket, closed with this object. Belongs to the reactor's thread: libzmq sockets may not be shared.
final class ZeroMQSocket {
    /// How long libzmq goes on sending what was handed to it before the socket was closed.
    private static let linger: Int32 = 200

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

    /// Whether a message could be sent now.
    var isWritable: Bool {
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        return zmq_getsockopt(handle, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLOUT != 0
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

    /// Options of every socket that speaks TCP: CURVE, bounded queues, libzmq's own heartbeats (they close half-open connections, so
    /// that what waits in them is dropped instead of delivered late).
    func setForTCP(_ settings: LinkSettings, lane: Lane) throws {
        let water = Int32(clamping: lane == .control ? settings.limits.highWaterMark : settings.limits.bulkHighWaterMark)
        try set(ZMQ_SNDHWM, water)
        try set(ZMQ_RCVHWM, water)
        // What libzmq doesn't take it drops with the connection and without a word; up to twice the limit we refuse it ourselves, by name,
        // count and log. Higher would only cost memory for messages that are refused anyway.
        try set(ZMQ_MAXMSGSIZE, Int64(2 * settings.limits.bytes(lane) + Envelope.longestPreamble))
        try set(ZMQ_HEARTBEAT_IVL, settings.transportHeartbeat)
        try set(ZMQ_HEARTBEAT_TIMEOUT, settings.transportSilence)
        try set(ZMQ_HEARTBEAT_TTL, settings.transportSilence)
        try set(ZMQ_HANDSHAKE_IVL, Int32(10_000))
        try set(ZMQ_CURVE_PUBLICKEY, settings.keys.publicKey)
        try set(ZMQ_CURVE_SECRETKEY, settings.keys.secretKey)
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

    /// In milliseconds. Our own heartbeats tell who is there; libzmq's only end a connection that is stuck, so half as many will do.
    var transportHeartbeat: Int32 { Int32(clamping: max(200, 2 * heartbeat.wholeMilliseconds)) }
    /// So long after a ping without any byte the connection is closed and dialled again.
    var transportSilence: Int32 { Int32(clamping: max(1_000, 3 * heartbeat.wholeMilliseconds)) }
}
