internal import CZeroMQ
import CellProtocol
import CloudModel
import Foundation

/// The ZAP handler (ZeroMQ RFC 27) of the process: libzmq asks it about every CURVE handshake before anything of the peer is heard.
/// Admits enrolled keys only, and names the connection (User-Id) by what the key stands for.
final class AuthenticationChannel: ReactorChannel {
    /// Who answers for one listener's domain: the name for a key, or nil.
    typealias Admission = (_ publicKey: String) -> PeerName?

    private static let endpoint = "inproc://zeromq.zap.01"
    /// version, request id, domain, address, routing id, mechanism, key.
    private static let parts = 7

    let socket: ZeroMQSocket
    private var domains: [String: Admission] = [:]
    private var lastDomain = 0

    init(_ context: UnsafeMutableRawPointer) throws {
        socket = try ZeroMQSocket(context, type: ZMQ_REP)
        _ = try socket.bind(Self.endpoint)
    }

    /// A domain for a new listener.
    func open(_ admission: @escaping Admission) -> String {
        lastDomain += 1
        let domain = "listener-\(lastDomain)"
        domains[domain] = admission
        return domain
    }

    func close(_ domain: String) { domains[domain] = nil }

    /// The last thing before the context ends: without a handler libzmq would admit everybody.
    func close() { socket.close() }

    func drain(limit: Int) -> Bool {
        for _ in 0..<limit {
            guard let request = receive() else { return false }
            answer(request)
        }
        return true
    }

    private func answer(_ request: [[UInt8]]) {
        let isComplete = request.count == Self.parts && request[0] == Array("1.0".utf8)
        let requestID = request.count > 1 ? request[1] : []
        var bearer: Bearer?
        if isComplete, request[5] == Array("CURVE".utf8), let key = Self.z85(request[6]) {
            bearer = domains[String(decoding: request[2], as: UTF8.self)]?(key).map { Bearer(peer: $0, key: key) }
        }
        let status = bearer == nil ? ("400", "This key is not enrolled.") : ("200", "OK")
        let frames = [
            Array("1.0".utf8), requestID, Array(status.0.utf8), Array(status.1.utf8), Array((bearer?.userID ?? "").utf8), [],
        ]
        for (index, frame) in frames.enumerated() {
            // A REP socket always takes the answer to what it has just received.
            _ = frame.withUnsafeBytes { socket.send($0, more: index < frames.count - 1) }
        }
    }

    private func receive() -> [[UInt8]]? {
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        var frames: [[UInt8]] = []
        repeat {
            guard socket.receive(&message) else { return nil }
            frames.append(Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: zmq_msg_size(&message))))
        } while zmq_msg_more(&message) != 0
        return frames
    }

    private static func z85(_ key: [UInt8]) -> String? {
        guard key.count == 32 else { return nil }
        var text = [CChar](repeating: 0, count: 41)
        guard zmq_z85_encode(&text, key, 32) != nil else { return nil }
        return String(decoding: text.prefix(40).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
