internal import CLibPQ
internal import CloudModel
internal import Glibc

/// Work handed to the poll thread without the cost of a task: the thread calls `runOnPollThread` once.
protocol PollWork: AnyObject, Sendable {
    func runOnPollThread()
}

/// Something whose socket the poll thread watches.
protocol PollHandler: AnyObject, Sendable {
    func ready(_ events: UInt32)
    func timerFired()
}

/// The one thread of this process that waits for PostgreSQL's sockets: an epoll instance, an eventfd that is written only while
/// the thread sleeps, and timers. It is the executor of every `Connection` actor, and never ends.
///
/// Whatever runs here must not block: all connections of the process would wait.
final class PollThread: SerialExecutor, @unchecked Sendable {
    static let shared = PollThread()

    private enum Item {
        case job(UnownedJob)
        case preferring(UnownedJob)
        case work(any PollWork)
    }

    private struct Inbox {
        var items: [Item] = []
        var sleeping = false
    }

    private let epoll: Int32
    private let wakeUp: Int32
    private let inbox = Lock(Inbox())
    private let thread = Lock<pthread_t?>(nil)

    // Touched by the thread only.
    private var handlers: [UInt64: any PollHandler] = [:]
    private var nextToken: UInt64 = 1
    private var timers: [(at: Int64, token: UInt64)] = []

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        precondition(epoll >= 0 && wakeUp >= 0, "epoll_create1(2) or eventfd(2) failed: \(errno)")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeUp, &event)
        var id = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let failed = pthread_create(
            &id, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<PollThread>.fromOpaque(context).takeUnretainedValue().loop()
            }, context)
        precondition(failed == 0, "pthread_create(3) failed: \(failed)")
        thread.withLock { $0 = id }
    }

    // MARK: Executor

    func enqueue(_ job: consuming ExecutorJob) { post(.job(UnownedJob(job))) }
    func enqueuePreferring(_ job: consuming ExecutorJob) { post(.preferring(UnownedJob(job))) }
    func submit(_ work: any PollWork) { post(.work(work)) }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    func checkIsolated() {
        precondition(isCurrent, "Not on the database's poll thread.")
    }

    func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private var isCurrent: Bool {
        let current = pthread_self()
        return thread.withLock { $0.map { pthread_equal($0, current) != 0 } ?? false }
    }

    private func post(_ item: Item) {
        let wake = inbox.withLock { inbox in
            inbox.items.append(item)
            defer { inbox.sleeping = false }
            return inbox.sleeping
        }
        guard wake else { return }
        var one: UInt64 = 1
        _ = write(wakeUp, &one, 8)
    }

    // MARK: Sockets and timers; on the thread only

    func register(_ handler: any PollHandler) -> UInt64 {
        defer { nextToken += 1 }
        handlers[nextToken] = handler
        return nextToken
    }

    /// Watches a socket for `events`; says whether that worked.
    func watch(_ socket: Int32, _ token: UInt64, _ events: UInt32) -> Bool {
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        if epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) == 0 { return true }
        // ENOENT: libpq closed the last socket and the new one got the same number, or it is the first.
        return errno == ENOENT && epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0
    }

    func unregister(_ token: UInt64, socket: Int32?) {
        handlers[token] = nil
        timers.removeAll { $0.token == token }
        guard let socket else { return }
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event)
    }

    /// Calls `timerFired` of the handler once, at `time` (of `now()`). A handler sets few timers and looks again when they fire, so
    /// the list stays short and is searched by hand.
    func setTimer(_ token: UInt64, at time: Int64) {
        let index = timers.firstIndex { $0.at > time } ?? timers.count
        timers.insert((time, token), at: index)
    }

    /// Nanoseconds of CLOCK_MONOTONIC.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    // MARK: The loop

    /// How many rounds of work may pass before the sockets are looked at again. Too high starves sockets, too low costs a system
    /// call per round.
    private static let roundsBetweenPolls = 8

    private func loop() -> Never {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var batch: [Item] = []
        while true {
            var rounds = 0
            while rounds < Self.roundsBetweenPolls, takeItems(&batch) {
                for item in batch { run(item) }
                batch.removeAll(keepingCapacity: true)
                rounds += 1
            }
            let timeout = fallAsleep() ? millisecondsToNextTimer() : 0
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            inbox.withLock { $0.sleeping = false }
            for index in 0..<max(0, Int(count)) {
                let token = events[index].data.u64
                if token == 0 {
                    var value: UInt64 = 0
                    _ = read(wakeUp, &value, 8)
                } else {
                    handlers[token]?.ready(events[index].events)
                }
            }
            fireTimers()
        }
    }

    private func takeItems(_ batch: inout [Item]) -> Bool {
        inbox.withLock { inbox in
            swap(&inbox.items, &batch)
            return !batch.isEmpty
        }
    }

    private func run(_ item: Item) {
        switch item {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .preferring(let job): job.runSynchronously(on: PollTaskExecutor.shared.asUnownedTaskExecutor())
        case .work(let work): work.runOnPollThread()
        }
    }

    private func fallAsleep() -> Bool {
        inbox.withLock { inbox in
            inbox.sleeping = inbox.items.isEmpty
            return inbox.sleeping
        }
    }

    private func millisecondsToNextTimer() -> Int32 {
        guard let next = timers.first else { return -1 }
        return Int32(clamping: max(0, (next.at - Self.now() + 999_999) / 1_000_000))
    }

    private func fireTimers() {
        guard let next = timers.first else { return }
        let now = Self.now()
        guard next.at <= now else { return }
        let due = timers.prefix { $0.at <= now }
        timers.removeFirst(due.count)
        for timer in due { handlers[timer.token]?.timerFired() }
    }
}

/// Lets a task that mostly waits for the database run on the poll thread itself, which saves two thread changes per query:
/// `withTaskExecutorPreference(DatabaseExecutor.shared)`. Only for work that computes little.
package enum DatabaseExecutor {
    package static var shared: any TaskExecutor { PollTaskExecutor.shared }
}

private final class PollTaskExecutor: TaskExecutor {
    static let shared = PollTaskExecutor()
    func enqueue(_ job: consuming ExecutorJob) { PollThread.shared.enqueuePreferring(job) }
}
