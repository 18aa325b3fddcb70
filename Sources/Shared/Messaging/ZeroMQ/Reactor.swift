internal import CZeroMQ
import CloudModel
import Foundation

/// The one thread that owns the message sockets of a process, and libzmq's context with it. Others hand it commands through a
/// bounded queue and write to its eventfd only when it sleeps. It sleeps in epoll_wait(2) on the sockets' descriptors, not in
/// zmq_poll(3), whose cost grows with the number of sockets: a simulation has thousands.
package final class Reactor: Sendable {
    /// Sockets that one process may open: a simulated host takes one or two.
    private static let mostSockets: Int32 = 16_000
    /// A socket takes two or three descriptors, and libzmq aborts the process when there are none left; Debian's soft limit is 1,024.
    private static let wantedDescriptors: rlim_t = 65_536
    private static let ofThisProcess = Lock<Reactor?>(nil)

    let inbox: ReactorInbox

    /// The process's own, made at the first call.
    package static func shared() throws -> Reactor {
        try ofThisProcess.withLock { shared in
            if let shared { return shared }
            let reactor = try Reactor()
            shared = reactor
            return reactor
        }
    }

    /// One of its own, for a test that wants two in a process. Ends with the last reference.
    package init() throws {
        Self.raiseDescriptorLimit()
        guard let context = zmq_ctx_new() else { throw ZeroMQSocket.failure("zmq_ctx_new(3)") }
        zmq_ctx_set(context, ZMQ_MAX_SOCKETS, Self.mostSockets)
        inbox = try ReactorInbox()
        let loop = try ReactorLoop(context: context, inbox: inbox)
        let handover = Handover(loop)
        let thread = Thread { handover.value.run() }
        thread.name = "messages"
        thread.start()
    }

    deinit { inbox.submit(.stop) }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < wantedDescriptors else {
            return
        }
        limit.rlim_cur = min(limit.rlim_max, wantedDescriptors)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Runs something on the reactor's thread and waits for it. For setting up, never from the reactor itself.
    func perform<Result: Sendable>(_ body: @escaping @Sendable (ReactorLoop) throws -> Result) throws -> Result {
        let done = DispatchSemaphore(value: 0)
        let result = Lock<Swift.Result<Result, any Error>?>(nil)
        inbox.submit(
            .perform { loop in
                let outcome = Swift.Result { try body(loop) }
                result.withLock { $0 = outcome }
                done.signal()
            })
        done.wait()
        guard let outcome = result.withLock({ $0 }) else { throw CloudError(.unavailable, "The message thread has stopped.") }
        return try outcome.get()
    }
}

/// Carries a value that isn't Sendable to the thread that owns it from then on.
private struct Handover<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// Commands on their way to the reactor.
final class ReactorInbox: Sendable {
    enum Command: Sendable {
        case send(OutgoingFrame, LinkSet)
        case perform(@Sendable (ReactorLoop) -> Void)
        case stop
    }

    private struct State {
        var commands: [Command] = []
        var bytes = 0
        var isAsleep = false

        /// True: the reactor sleeps, and whoever asked must wake it.
        mutating func wakesUp() -> Bool {
            defer { isAsleep = false }
            return isAsleep
        }
    }

    let wakeup: Int32
    private let state = Lock(State())

    init() throws {
        wakeup = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeup >= 0 else {
            throw CloudError(
                .unavailable, "The message thread can't start.", detail: "eventfd(2): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(wakeup) }

    func submit(_ command: Command) {
        wake(
            state.withLock { state in
                state.commands.append(command)
                return state.wakesUp()
            })
    }

    /// False: too many messages wait, or too many bytes.
    func submit(_ frame: OutgoingFrame, to links: LinkSet, limits: MessagingLimits) -> Bool {
        let isAsleep = state.withLock { state -> Bool? in
            let bytes = state.bytes + frame.bytes.count
            guard state.commands.count < limits.waitingMessages, bytes <= limits.waitingBytes else { return nil }
            state.bytes = bytes
            state.commands.append(.send(frame, links))
            return state.wakesUp()
        }
        guard let isAsleep else { return false }
        wake(isAsleep)
        return true
    }

    /// Everything that waits, into `commands`, which must be empty: the two buffers change places and keep their room.
    func take(into commands: inout [Command]) {
        state.withLock { state in
            swap(&state.commands, &commands)
            state.bytes = 0
        }
    }

    /// True: nothing waits, and the next command will write to the eventfd.
    func fallAsleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.commands.isEmpty
            return state.isAsleep
        }
    }

    func awake() { state.withLock { $0.isAsleep = false } }

    private func wake(_ isAsleep: Bool) {
        if isAsleep { eventfd_write(wakeup, 1) }
    }
}
