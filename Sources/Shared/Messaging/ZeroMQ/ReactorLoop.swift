internal import CZeroMQ
import CloudModel
import Foundation

/// A socket in the reactor's care.
protocol ReactorChannel: AnyObject {
    var socket: ZeroMQSocket { get }
    /// Takes up to `limit` messages; true: there may be more.
    func drain(limit: Int) -> Bool
}

/// The state of the reactor's thread. Only ever touched there, except while it is made.
final class ReactorLoop {
    /// Messages taken from one socket before the others have their turn.
    private static let batch = 64
    /// The longest sleep, so that a lost wake-up could never be more than a delay.
    private static let longestSleep: Int64 = 10_000
    /// epoll's key for the eventfd; channels count from 1.
    private static let wakeupKey: UInt64 = 0

    let context: UnsafeMutableRawPointer
    let authentication: AuthenticationChannel
    private let inbox: ReactorInbox
    private let poller: Int32
    private var channels: [UInt64: any ReactorChannel] = [:]
    private var keys: [ObjectIdentifier: UInt64] = [:]
    private var lastKey = ReactorLoop.wakeupKey
    /// Channels that may have messages: signalled, sent on (sending may swallow a signal), or not emptied.
    private var dirty: [UInt64] = []
    private var isDirty: Set<UInt64> = []
    private var timers = DeadlineHeap<ObjectIdentifier>()
    private var links: [ObjectIdentifier: LinkSet] = [:]
    private var isStopping = false

    init(context: UnsafeMutableRawPointer, inbox: ReactorInbox) throws {
        self.context = context
        self.inbox = inbox
        poller = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard poller >= 0 else {
            throw CloudError(
                .unavailable, "The message thread can't start.", detail: "epoll_create1(2): \(String(cString: strerror(errno)))"
            )
        }
        authentication = try AuthenticationChannel(context)
        watch(inbox.wakeup, Self.wakeupKey)
        add(authentication)
    }

    func run() {
        var commands: [ReactorInbox.Command] = []
        var events = [epoll_event](repeating: epoll_event(), count: 128)
        while !isStopping {
            inbox.take(into: &commands)
            for command in commands { perform(command) }
            commands.removeAll(keepingCapacity: true)
            drainDirty()
            let next = fireTimers(at: .now())
            sleep(&events, until: next)
        }
        end()
    }

    // MARK: - What channels and links use

    func add(_ channel: any ReactorChannel) {
        lastKey += 1
        channels[lastKey] = channel
        keys[ObjectIdentifier(channel)] = lastKey
        watch(channel.socket.descriptor, lastKey)
        touch(lastKey)
    }

    func remove(_ channel: any ReactorChannel) {
        guard let key = keys.removeValue(forKey: ObjectIdentifier(channel)) else { return }
        epoll_ctl(poller, EPOLL_CTL_DEL, channel.socket.descriptor, nil)
        channels[key] = nil
    }

    /// Something was sent on the channel: look at it before sleeping.
    func touch(_ channel: any ReactorChannel) {
        if let key = keys[ObjectIdentifier(channel)] { touch(key) }
    }

    /// A messenger's sockets, to be closed when the reactor ends before the messenger.
    func register(_ set: LinkSet) { links[ObjectIdentifier(set)] = set }

    func forget(_ set: LinkSet) { links[ObjectIdentifier(set)] = nil }

    /// `set.tick` runs at `due`, or before.
    func schedule(_ set: LinkSet, due: BootInstant) {
        guard due < set.nextTick else { return }
        set.nextTick = due
        timers.insert(ObjectIdentifier(set), due: due)
    }

    // MARK: - The loop's parts

    private func perform(_ command: ReactorInbox.Command) {
        switch command {
        case .send(let frame, let links):
            links.send(frame, self)
        case .perform(let body):
            body(self)
        case .stop:
            isStopping = true
        }
    }

    private func drainDirty() {
        guard !dirty.isEmpty else { return }
        let now = dirty
        dirty.removeAll(keepingCapacity: true)
        isDirty.removeAll(keepingCapacity: true)
        for key in now {
            guard let channel = channels[key] else { continue }
            if channel.drain(limit: Self.batch) { touch(key) }
        }
    }

    private func fireTimers(at now: BootInstant) -> BootInstant? {
        while let key = timers.popDue(at: now) {
            // An entry that was overtaken by an earlier one finds `nextTick` later than now.
            guard let set = links[key], set.nextTick <= now else { continue }
            set.nextTick = .distantFuture
            if let next = set.tick(at: now, self) { schedule(set, due: next) }
        }
        return timers.next
    }

    private func sleep(_ events: inout [epoll_event], until next: BootInstant?) {
        var timeout: Int64 = 0
        if dirty.isEmpty, inbox.fallAsleep() {
            timeout = Self.longestSleep
            if let next { timeout = min(timeout, (next - .now()).wholeMilliseconds) }
        }
        let count = epoll_wait(poller, &events, Int32(events.count), Int32(timeout))
        if timeout > 0 { inbox.awake() }
        guard count > 0 else { return }
        for event in events.prefix(Int(count)) {
            if event.data.u64 == Self.wakeupKey {
                var value: eventfd_t = 0
                eventfd_read(inbox.wakeup, &value)
            } else {
                touch(event.data.u64)
            }
        }
    }

    private func touch(_ key: UInt64) {
        if isDirty.insert(key).inserted { dirty.append(key) }
    }

    private func watch(_ descriptor: Int32, _ key: UInt64) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = key
        let result = epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event)
        precondition(result == 0, "epoll_ctl(2) failed: \(String(cString: strerror(errno)))")
    }

    private func end() {
        channels = [:]
        for set in links.values { set.ended() }
        links = [:]
        close(poller)
        authentication.close()
        zmq_ctx_term(context)
    }
}
