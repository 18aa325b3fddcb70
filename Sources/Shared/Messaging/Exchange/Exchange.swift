import CellProtocol
import CloudModel
import Logging

/// What both transports share: calls that wait, handlers, heartbeats, copies, refusals. Bytes in from `received`, bytes out through
/// the outbox; time passes by `tick`. One per messenger, used from any thread; its lock is held for microseconds and never while a
/// continuation is resumed, a handler runs or a message is handed out.
final class Exchange: Sendable {
    typealias Handler = @Sendable (IncomingMessage) async throws -> [UInt8]

    let name: PeerName
    let limits: MessagingLimits
    let heartbeat: Duration
    /// Where simulators may speak for hosts: the enrolments that say which hosts have a key of their own. Empty: no link is shared here.
    let sharing: [Enrolment]
    let log: RefusalLog
    let clock: @Sendable () -> BootInstant
    private let outbox: any Outbox
    let state: Lock<State>

    /// `firstID` and `incarnation` are random in production and seeded in simulations.
    init(
        name: PeerName, limits: MessagingLimits, heartbeat: Duration, sharing: [Enrolment], logger: Logger,
        outbox: any Outbox, firstID: UInt64, incarnation: UInt64, clock: @escaping @Sendable () -> BootInstant
    ) {
        self.name = name
        self.limits = limits
        self.heartbeat = heartbeat
        self.sharing = sharing
        self.outbox = outbox
        self.clock = clock
        log = RefusalLog(logger)
        state = Lock(State(lastID: firstID, incarnation: incarnation, limits))
    }

    struct State {
        var lastID: UInt64
        let incarnation: UInt64
        var isStopped = false
        var counters = MessagingCounters()
        var metrics = MessagingMetrics()
        var handlers: [HandlerKey: (roles: Set<PeerName.Role>, run: Handler)] = [:]

        var calls: [UInt64: Call] = [:]
        var callDeadlines = DeadlineHeap<UInt64>()

        var links: [PeerName: Link] = [:]
        var shared: SharedLinks
        /// When heartbeats are due and silences are looked for.
        var nextSweep: BootInstant?
        /// Sweeps so far, of which not every one tells our address on the bulk lane.
        var sweeps = 0
        var subscribers: [Int: (roles: Set<PeerName.Role>, continuation: AsyncStream<PeerEvent>.Continuation)] = [:]
        var lastSubscriber = 0

        /// Calls of others: those that run, and those that wait for one of them to end.
        var running: [ServedCall: Task<Void, Never>] = [:]
        var runningDeadlines = DeadlineHeap<ServedCall>()
        var queue: CallQueue<WaitingCall>
        /// One task per link whose casts are being handled.
        var castTasks: [PeerName: Task<Void, Never>] = [:]

        init(lastID: UInt64, incarnation: UInt64, _ limits: MessagingLimits) {
            self.lastID = lastID
            self.incarnation = incarnation
            queue = CallQueue(limits)
            shared = SharedLinks(limit: limits.hostsOfOneLink)
        }

        mutating func nextID() -> UInt64 {
            lastID &+= 1
            return lastID
        }

        mutating func withLink<Result>(_ peer: PeerName, _ limits: MessagingLimits, _ body: (inout Link) -> Result) -> Result {
            body(&links[peer, default: Link(incarnation: incarnation, remembered: limits.rememberedMessages)])
        }
    }

    /// What is said to whom: of several names that share our end of a link each has its own handlers.
    struct HandlerKey: Hashable {
        let member: PeerName?
        let kind: String
    }

    /// A call of ours that waits.
    struct Call {
        let peer: PeerName
        let continuation: CheckedContinuation<[UInt8], any Error>
    }

    /// What is known of a peer.
    struct Link {
        var contact: Contact
        var window: DuplicateWindow
        var casts = Fifo<(message: IncomingMessage, run: Handler)>()
        /// The lanes on which we dial it; empty for one that dials us.
        var dialled: [Lane] = []

        init(incarnation: UInt64, remembered: Int) {
            contact = Contact(incarnation: incarnation)
            window = DuplicateWindow(capacity: remembered)
        }
    }

    // MARK: - What callers use

    /// `member`: which of our own hosts asks, if we speak for several.
    func call(
        _ peer: PeerName, as member: PeerName? = nil, kind: String, body: [UInt8], lane: Lane, request: RequestID?,
        timeout: Duration
    ) async throws -> [UInt8] {
        let deadline = clock() + timeout
        let (id, address) = state.withLock { ($0.nextID(), $0.address(of: peer, as: member)) }
        let envelope = Envelope(
            .call, lane: lane, id: id, milliseconds: 0, kind: kind, request: request, member: address.member, body: body)
        let bytes = try encode(envelope, for: peer)
        let frame = OutgoingFrame(to: address, lane: lane, type: .call, id: id, expires: deadline, bytes: bytes)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard register(Call(peer: peer, continuation: continuation), id: id, deadline: deadline) else { return }
                send(frame)
                // A cancellation before `register` found nothing to cancel.
                if Task.isCancelled { finish(id, .failure(CancellationError())) }
            }
        } onCancel: {
            finish(id, .failure(CancellationError()))
        }
    }

    func cast(
        _ peer: PeerName, as member: PeerName? = nil, kind: String, body: [UInt8], lane: Lane, request: RequestID?
    ) {
        let (id, address) = state.withLock { ($0.nextID(), $0.address(of: peer, as: member)) }
        let envelope = Envelope(
            .cast, lane: lane, id: id, milliseconds: 0, kind: kind, request: request, member: address.member, body: body)
        guard let bytes = try? encode(envelope, for: peer) else { return }
        let expires = clock() + limits.castLifetime
        send(OutgoingFrame(to: address, lane: lane, type: .cast, id: id, expires: expires, bytes: bytes))
    }

    func handle(
        _ kind: String, as member: PeerName? = nil, from roles: Set<PeerName.Role>, _ handler: @escaping Handler
    ) {
        let key = HandlerKey(member: member, kind: kind)
        state.withLock { state in
            precondition(state.handlers[key] == nil, "\(kind) is handled twice.")
            state.handlers[key] = (roles, handler)
        }
    }

    var counters: MessagingCounters { state.withLock { $0.counters } }

    func count(_ counter: WritableKeyPath<MessagingCounters, Int>) {
        state.withLock { $0.counters[keyPath: counter] += 1 }
    }

    // MARK: - Towards the transport

    /// Counts a message and hands it to the transport.
    func send(_ frame: OutgoingFrame) {
        count(\.sent)
        if !outbox.submit(frame) { undelivered(frame, .overloaded) }
    }

    /// The transport could not send a message, now or after it had waited.
    func undelivered(_ frame: OutgoingFrame, _ reason: Undelivered) {
        switch (frame.type, reason) {
        case (.call, .unreachable): finish(frame.id, .failure(MessagingError.unreachable(frame.to.peer)))
        case (.call, .overloaded): finish(frame.id, .failure(MessagingError.overloaded))
        case (.call, .expired), (.cast, _), (.reply, _), (.error, _), (.heartbeat, _): break
        }
        switch reason {
        case .overloaded: count(\.overloaded)
        case .unreachable, .expired: count(\.undeliverable)
        }
    }

    /// Within the limits of its lane and of the envelope, or the reason why not.
    func encode(_ envelope: Envelope, for peer: PeerName) throws -> [UInt8] {
        let limit = limits.bytes(envelope.lane)
        guard envelope.body.count <= limit else {
            count(\.tooLarge)
            log.refused(.tooLarge, peer, ["kind": "\(envelope.kind)", "bytes": "\(envelope.body.count)", "limit": "\(limit)"])
            throw MessagingError.tooLarge(bytes: envelope.body.count, limit: limit)
        }
        guard let bytes = envelope.encoded() else {
            throw MessagingError.refused(.badRequest, "The request id or the kind of the message is too long.")
        }
        return bytes
    }

    /// Ends a call of ours. The first end counts; later ones (a reply after the deadline, a copy) find nothing. True: it was waiting.
    @discardableResult
    func finish(_ id: UInt64, from peer: PeerName? = nil, _ result: Result<[UInt8], any Error>) -> Bool {
        let call = state.withLock { state -> Call? in
            if let peer, state.calls[id]?.peer != peer { return nil }
            return state.calls.removeValue(forKey: id)
        }
        call?.continuation.resume(with: result)
        return call != nil
    }

    private func register(_ call: Call, id: UInt64, deadline: BootInstant) -> Bool {
        let refusal = state.withLock { state -> MessagingError? in
            if state.isStopped { return .unreachable(call.peer) }
            if state.calls.count >= limits.outstandingCalls {
                state.counters.overloaded += 1
                return .overloaded
            }
            state.calls[id] = call
            state.callDeadlines.insert(id, due: deadline)
            let calls = state.calls
            state.callDeadlines.compact(live: calls.count) { calls[$0] != nil }
            return nil
        }
        if let refusal { call.continuation.resume(throwing: refusal) }
        return refusal == nil
    }

    /// Ends everything: calls fail, handlers are cancelled, event streams end. What is sent afterwards goes nowhere.
    func stop() {
        let (calls, tasks, subscribers) = state.withLock { state in
            state.isStopped = true
            state.metrics.publish(state.counters, peers: 0)
            defer {
                state.calls = [:]
                state.running = [:]
                state.castTasks = [:]
                state.queue = CallQueue(limits)
                state.subscribers = [:]
            }
            return (
                Array(state.calls.values), Array(state.running.values) + Array(state.castTasks.values),
                state.subscribers.values.map(\.continuation)
            )
        }
        for call in calls { call.continuation.resume(throwing: MessagingError.unreachable(call.peer)) }
        for task in tasks { task.cancel() }
        for subscriber in subscribers { subscriber.finish() }
    }
}
