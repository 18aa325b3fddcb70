import CloudModel
import Foundation

@testable import Messaging

/// A TCP relay on the loopback that swallows what goes in a direction that is cut, like a network that drops packets: nobody is told.
final class Relay: Sendable {
    let port: UInt16
    private let target: UInt16
    private let state: Lock<State>

    /// Descriptors are closed under the lock, and shut under it by others: a number outside it may already be another's.
    private struct State {
        var cutsUp = false
        var cutsDown = false
        var isStopped = false
        /// Nil: closed, by the thread that accepts.
        var listener: Int32?
        var open: [Int32] = []
    }

    init(to target: UInt16) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        state = Lock(State(listener: listener))
        guard listener >= 0, Self.bind(listener) else { throw POSIXError(.EADDRINUSE) }
        port = Self.port(of: listener)
        listen(listener, 16)
        Thread { [self] in accepting(on: listener) }.start()
    }

    /// From the dialling side to the listening one.
    var cutsUp: Bool {
        get { state.withLock { $0.cutsUp } }
        set { state.withLock { $0.cutsUp = newValue } }
    }

    var cutsDown: Bool {
        get { state.withLock { $0.cutsDown } }
        set { state.withLock { $0.cutsDown = newValue } }
    }

    /// Connections that lost bytes are torn: TCP would have sent them again.
    func heal() {
        state.withLock { state in
            guard state.cutsUp || state.cutsDown else { return }
            state.cutsUp = false
            state.cutsDown = false
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            if let listener = state.listener { shutdown(listener, Int32(SHUT_RDWR)) }
            for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    private static let lastPort = Lock(UInt16.random(in: 10_000..<30_000))

    /// A port that nobody listens on, below those the system gives to outgoing connections: nobody takes it until it is used.
    static func freePort() throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = lastPort.withLock { port in
                port = port < 30_000 ? port + 1 : 10_000
                return port
            }
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            if descriptor >= 0, bind(descriptor, to: port) { return port }
        }
        throw POSIXError(.EADDRINUSE)
    }

    private func accepting(on listener: Int32) {
        while true {
            let near = accept(listener, nil, nil)
            if near < 0, errno == EINTR || errno == ECONNABORTED { continue }
            guard near >= 0 else { break }
            let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.connect(far, target), isKept(near, far) else {
                close(near)
                close(far)
                continue
            }
            let left = Lock(2)
            Thread { [self] in
                pump(near, far) { $0.cutsUp }
                close(near, far, left)
            }.start()
            Thread { [self] in
                pump(far, near) { $0.cutsDown }
                close(near, far, left)
            }.start()
        }
        state.withLock { state in
            state.listener = nil
            close(listener)
        }
    }

    /// Notes a connection to be shut at the end; false when that has come.
    private func isKept(_ near: Int32, _ far: Int32) -> Bool {
        state.withLock { state in
            guard !state.isStopped else { return false }
            state.open += [near, far]
            return true
        }
    }

    private func pump(_ from: Int32, _ to: Int32, isCut: (State) -> Bool) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(from, &buffer, buffer.count)
            guard count > 0 else { break }
            if state.withLock({ isCut($0) }) { continue }
            var at = 0
            while at < count {
                let written = buffer.withUnsafeBytes {
                    send(to, $0.baseAddress?.advanced(by: at), count - at, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { break }
                at += written
            }
            if at < count { break }
        }
        shutdown(from, Int32(SHUT_RDWR))
        shutdown(to, Int32(SHUT_RDWR))
    }

    private func close(_ near: Int32, _ far: Int32, _ left: Lock<Int>) {
        let isLast = left.withLock { left -> Bool in
            left -= 1
            return left == 0
        }
        guard isLast else { return }
        state.withLock { state in
            state.open.removeAll { $0 == near || $0 == far }
            Foundation.close(near)
            Foundation.close(far)
        }
    }

    private func close(_ descriptor: Int32) { Foundation.close(descriptor) }
    private static func close(_ descriptor: Int32) { Foundation.close(descriptor) }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func bind(_ descriptor: Int32, to port: UInt16 = 0) -> Bool {
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func connect(_ descriptor: Int32, _ port: UInt16) -> Bool {
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
