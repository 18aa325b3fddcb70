import CZeroMQ
import Foundation

@testable import Messaging

/// A stranger's or a villain's socket: says to a hub whatever bytes it likes. Use from one thread at a time.
final class RawPeer {
    private let context: UnsafeMutableRawPointer
    private let socket: UnsafeMutableRawPointer

    init(_ endpoint: String, keys: CurveKeyPair, serverKey: String, routingID: String? = nil) throws {
        guard let context = zmq_ctx_new(), let socket = zmq_socket(context, ZMQ_DEALER) else { throw POSIXError(.ENOMEM) }
        self.context = context
        self.socket = socket
        for (option, text) in [
            (ZMQ_CURVE_SERVERKEY, serverKey), (ZMQ_CURVE_PUBLICKEY, keys.publicKey), (ZMQ_CURVE_SECRETKEY, keys.secretKey),
        ] { zmq_setsockopt(socket, option, text, 41) }
        if let routingID { zmq_setsockopt(socket, ZMQ_ROUTING_ID, routingID, routingID.utf8.count) }
        for (option, number) in [(ZMQ_LINGER, 0), (ZMQ_SNDTIMEO, 60_000), (ZMQ_IMMEDIATE, 1)] as [(Int32, Int32)] {
            var number = number
            zmq_setsockopt(socket, option, &number, 4)
        }
        guard zmq_connect(socket, endpoint) == 0 else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit {
        zmq_close(socket)
        zmq_ctx_term(context)
    }

    /// True: libzmq took it.
    @discardableResult
    func send(_ frames: [UInt8]...) -> Bool {
        for (index, frame) in frames.enumerated() {
            if zmq_send(socket, frame, frame.count, index < frames.count - 1 ? ZMQ_SNDMORE : 0) < 0 { return false }
        }
        return true
    }

    /// What comes next; nil after a minute. Waits without a thread of the pool: the answer may need it to be made.
    func answer() async throws -> [UInt8]? {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if let bytes = receive(milliseconds: 0) { return bytes }
            try await Task.sleep(for: .milliseconds(5))
        }
        return nil
    }

    /// Nil: nothing came in this time. Blocks the thread: for short times.
    func receive(milliseconds: Int32 = 60_000) -> [UInt8]? {
        var timeout = milliseconds
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout, 4)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = zmq_recv(socket, &buffer, buffer.count, 0)
        return count < 0 ? nil : Array(buffer.prefix(Int(count)))
    }
}
