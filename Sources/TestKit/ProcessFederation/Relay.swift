import CloudModel
import Foundation
import Glibc

/// The wide-area link between a region and the hub: a TCP relay that can be cut, in one direction or both, and healed.
///
/// A cut is silence, not an error: connections stay open, what is sent waits, and comes late when the link heals, as TCP brings it
/// late over a line that lost packets for a while.
package final class Relay: Sendable {
    package enum Direction: Sendable, CaseIterable { case toHub, fromHub }

    /// Where the region dials.
    let port: Int
    private let target: Int
    private let gates: [Direction: Gate] = [.toHub: Gate(), .fromHub: Gate()]
    private let sockets: OpenSockets

    init(to target: Int) throws {
        self.target = target
        let listener: Int32
        (port, listener) = try Ports.listen()
        let sockets = OpenSockets()
        self.sockets = sockets
        _ = sockets.add(listener)
        Thread { [weak self] in
            // Who closes a descriptor that another thread waits on may close the next that gets its number.
            defer { sockets.close(listener) }
            while true {
                let accepted = accept(listener, nil, nil)
                if accepted < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard accepted >= 0 else { return }
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                guard let self else { close(accepted); return }
                self.open(accepted)
            }
        }.start()
    }

    package func cut(_ directions: [Direction] = Direction.allCases) {
        for direction in directions { gates[direction]?.shut() }
    }

    package func heal() { for gate in gates.values { gate.open() } }

    func stop() {
        sockets.shutAll()
        heal()
    }

    /// Two threads a connection. The far end is dialled only while the link is whole.
    private func open(_ near: Int32) {
        guard let toHub = gates[.toHub], let fromHub = gates[.fromHub] else { return }
        let sockets = sockets
        let target = target
        guard sockets.add(near) else { return }
        Thread {
            toHub.pass()
            fromHub.pass()
            guard let far = try? Socket.connect(port: target), sockets.add(far) else {
                sockets.close(near)
                return
            }
            let pair = Pair(near, far, of: sockets)
            Thread { Self.copy(from: far, to: near, through: fromHub, pair) }.start()
            Self.copy(from: near, to: far, through: toHub, pair)
        }.start()
    }

    private static func copy(from source: Int32, to sink: Int32, through gate: Gate, _ pair: Pair) {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while let bytes = Socket.read(from: source, into: &buffer) {
            gate.pass()
            guard Socket.write(bytes, to: sink) else { break }
        }
        pair.end()
    }

    /// Both ends of a connection: shut when one direction ends, closed when both have.
    private final class Pair: Sendable {
        private let near: Int32
        private let far: Int32
        private let sockets: OpenSockets
        private let running = Lock(2)

        init(_ near: Int32, _ far: Int32, of sockets: OpenSockets) {
            self.near = near
            self.far = far
            self.sockets = sockets
        }

        func end() {
            shutdown(near, Int32(SHUT_RDWR))
            shutdown(far, Int32(SHUT_RDWR))
            let left = running.withLock { running -> Int in
                running -= 1
                return running
            }
            guard left == 0 else { return }
            sockets.close(near)
            sockets.close(far)
        }
    }
}

/// A relay's sockets. They are closed under the lock under which `shutAll` finds them: a number that was closed may be another's.
private final class OpenSockets: Sendable {
    private struct State {
        var open: Set<Int32> = []
        var isShut = false
    }

    private let state = Lock(State())

    /// False: the relay has stopped, and the socket is closed.
    func add(_ socket: Int32) -> Bool {
        state.withLock { state in
            guard !state.isShut else {
                Glibc.close(socket)
                return false
            }
            state.open.insert(socket)
            return true
        }
    }

    func close(_ socket: Int32) {
        state.withLock { state in
            state.open.remove(socket)
            Glibc.close(socket)
        }
    }

    func shutAll() {
        state.withLock { state in
            state.isShut = true
            for socket in state.open { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }
}

/// Lets threads through, or holds them.
private final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = true

    func pass() {
        condition.lock()
        while !isOpen { condition.wait() }
        condition.unlock()
    }

    func shut() { set(false) }
    func open() { set(true) }

    private func set(_ open: Bool) {
        condition.lock()
        isOpen = open
        condition.broadcast()
        condition.unlock()
    }
}
