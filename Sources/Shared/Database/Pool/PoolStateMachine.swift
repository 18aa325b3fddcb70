/// Who gets which connection, when to open and when to close one. Pure: events in, actions out, time passed in (nanoseconds).
///
/// A connection is shared (several statements of different callers under way, pipelined) or exclusive (one transaction). Of more
/// than one connection, one is always left to shared use, so that a caller inside a transaction can still query outside it.
struct PoolStateMachine {
    typealias ConnectionID = Int
    typealias WaiterID = Int

    enum Use: Equatable { case shared, exclusive }

    enum Lease: Equatable {
        case granted(ConnectionID)
        case wait(WaiterID)
        case refused(Refusal)
    }

    enum Refusal: Equatable { case tooManyWaiting, timedOut, closed }

    enum Action: Equatable {
        case open(ConnectionID)
        case close(ConnectionID)
        case grant(WaiterID, ConnectionID)
        case refuse(WaiterID, Refusal)
        /// Call `tick` then.
        case wake(at: Int64)
        /// After `shutDown`: the last connection has gone.
        case drained
    }

    private enum State: Equatable {
        case opening
        case shared(underWay: Int, since: Int64)
        /// Shared until its statements end, then for the first who waits for an exclusive one.
        case reserved(underWay: Int)
        case exclusive
        /// Told to close; `lost` follows.
        case closing
    }

    private struct Waiter {
        let id: WaiterID
        let deadline: Int64
    }

    let limits: PoolLimits
    private var connections: [ConnectionID: State] = [:]
    private var order: [ConnectionID] = []
    private var sharedWaiters = FIFO<Waiter>()
    private var exclusiveWaiters = FIFO<Waiter>()
    private var nextConnection = 0
    private var nextWaiter = 0
    private var failures = 0
    private var mayOpenAt = Int64.min
    private var wakeAt = Int64.max
    private var isShutDown = false

    init(limits: PoolLimits) { self.limits = limits }

    // MARK: Events

    /// Somebody wants a connection now, or in the line.
    mutating func lease(_ use: Use, now: Int64, _ actions: inout [Action]) -> Lease {
        if isShutDown { return .refused(.closed) }
        switch use {
        case .shared:
            if sharedWaiters.isEmpty, let id = shareable() {
                let underWay = share(id)
                if underWay > limits.openAnotherAt { openAnother(now, &actions) }
                return .granted(id)
            }
        case .exclusive:
            if exclusiveWaiters.isEmpty, let id = idle(), exclusiveCount < exclusiveLimit {
                connections[id] = .exclusive
                return .granted(id)
            }
        }
        guard sharedWaiters.count + exclusiveWaiters.count < limits.waiting else { return .refused(.tooManyWaiting) }
        defer { nextWaiter += 1 }
        let waiter = Waiter(id: nextWaiter, deadline: now + limits.acquireTimeout.nanoseconds)
        switch use {
        case .shared: sharedWaiters.append(waiter)
        case .exclusive: exclusiveWaiters.append(waiter)
        }
        wake(at: waiter.deadline, &actions)
        serveWaiters(now, &actions)
        return .wait(nextWaiter)
    }

    /// Whether `lease` would grant a connection at once.
    func canGrant(_ use: Use) -> Bool {
        guard !isShutDown else { return false }
        return switch use {
        case .shared: sharedWaiters.isEmpty && shareable() != nil
        case .exclusive: exclusiveWaiters.isEmpty && exclusiveCount < exclusiveLimit && idle() != nil
        }
    }

    /// A lease has ended and the connection can be used again.
    mutating func released(_ id: ConnectionID, now: Int64, _ actions: inout [Action]) {
        switch connections[id] {
        case .shared(let underWay, _): connections[id] = .shared(underWay: underWay - 1, since: now)
        case .reserved(let underWay): connections[id] = .reserved(underWay: underWay - 1)
        case .exclusive: connections[id] = .shared(underWay: 0, since: now)
        case .opening, .closing, nil: return  // it broke meanwhile
        }
        if isShutDown { return closeIdle(&actions) }
        if sharedWaiters.isEmpty, exclusiveWaiters.isEmpty { return }
        serveWaiters(now, &actions)
    }

    /// A connection is up.
    mutating func opened(_ id: ConnectionID, now: Int64, _ actions: inout [Action]) {
        guard connections[id] == .opening else { return }
        failures = 0
        mayOpenAt = .min
        connections[id] = .shared(underWay: 0, since: now)
        if isShutDown { return closeIdle(&actions) }
        wake(at: now + limits.idleLifetime.nanoseconds, &actions)
        serveWaiters(now, &actions)
    }

    /// A connection is gone: it could not be opened, broke, or was closed as told.
    mutating func lost(_ id: ConnectionID, now: Int64, _ actions: inout [Action]) {
        guard let state = connections.removeValue(forKey: id) else { return }
        order.removeAll { $0 == id }
        switch state {
        case .opening:
            failures += 1
            mayOpenAt = now + pause(afterFailures: failures)
        case .shared, .reserved, .exclusive, .closing: break
        }
        if isShutDown {
            if connections.isEmpty { actions.append(.drained) }
            return
        }
        serveWaiters(now, &actions)
    }

    /// A waiting caller has given up.
    mutating func cancelled(_ waiter: WaiterID) {
        if sharedWaiters.remove(where: { $0.id == waiter }) == nil {
            _ = exclusiveWaiters.remove(where: { $0.id == waiter })
        }
    }

    /// The time of a `wake` has come. Superseded wakes may be told too; they do nothing.
    mutating func tick(now: Int64, _ actions: inout [Action]) {
        guard wakeAt <= now else { return }  // an earlier wake took this one's place
        wakeAt = .max
        while let first = sharedWaiters.first, first.deadline <= now {
            _ = sharedWaiters.popFirst()
            actions.append(.refuse(first.id, .timedOut))
        }
        while let first = exclusiveWaiters.first, first.deadline <= now {
            _ = exclusiveWaiters.popFirst()
            actions.append(.refuse(first.id, .timedOut))
        }
        guard !isShutDown else { return }
        serveWaiters(now, &actions)
        closeUnused(now, &actions)
        if let first = sharedWaiters.first { wake(at: first.deadline, &actions) }
        if let first = exclusiveWaiters.first { wake(at: first.deadline, &actions) }
    }

    /// No new leases; connections close as their statements end.
    mutating func shutDown(_ actions: inout [Action]) {
        guard !isShutDown else { return }
        isShutDown = true
        while let waiter = sharedWaiters.popFirst() { actions.append(.refuse(waiter.id, .closed)) }
        while let waiter = exclusiveWaiters.popFirst() { actions.append(.refuse(waiter.id, .closed)) }
        if connections.isEmpty { actions.append(.drained) }
        closeIdle(&actions)
    }

    /// Close everything at once, statements under way included.
    mutating func abandon(_ actions: inout [Action]) {
        for id in order where connections[id] != .closing {
            connections[id] = .closing
            actions.append(.close(id))
        }
    }

    var connectionCount: Int { connections.count }
    var waitingCount: Int { sharedWaiters.count + exclusiveWaiters.count }
    /// Leases of shared connections that have not ended.
    var sharedUnderWay: Int {
        connections.values.reduce(0) { sum, state in
            switch state {
            case .shared(let underWay, _), .reserved(let underWay): sum + underWay
            case .opening, .exclusive, .closing: sum
            }
        }
    }
    /// How many connections a transaction holds.
    var exclusiveCount: Int { order.count { connections[$0] == .exclusive } }

    // MARK: Decisions

    private var exclusiveLimit: Int { max(1, limits.connections - 1) }

    /// The shared connection with the least under way that has room for one more.
    private func shareable() -> ConnectionID? {
        var best: ConnectionID?
        var least = limits.pipelineDepth
        for id in order {
            guard case .shared(let underWay, _) = connections[id], underWay < least else { continue }
            best = id
            least = underWay
            if underWay == 0 { break }
        }
        return best
    }

    private mutating func share(_ id: ConnectionID) -> Int {
        guard case .shared(let underWay, let since) = connections[id] else { return 0 }
        connections[id] = .shared(underWay: underWay + 1, since: since)
        return underWay + 1
    }

    /// An idle connection that need not stay shared: the last in order, because shared use prefers the first.
    private func idle() -> ConnectionID? {
        order.last { id in
            switch connections[id] {
            case .shared(0, _), .reserved(0): true
            case .shared, .reserved, .opening, .exclusive, .closing, nil: false
            }
        }
    }

    private mutating func serveWaiters(_ now: Int64, _ actions: inout [Action]) {
        while exclusiveCount < exclusiveLimit, !exclusiveWaiters.isEmpty, let id = idle(),
            let waiter = exclusiveWaiters.popFirst()
        {
            connections[id] = .exclusive
            actions.append(.grant(waiter.id, id))
        }
        if exclusiveWaiters.isEmpty { unreserve() }
        while !sharedWaiters.isEmpty, let id = shareable(), let waiter = sharedWaiters.popFirst() {
            _ = share(id)
            actions.append(.grant(waiter.id, id))
        }
        if !exclusiveWaiters.isEmpty { reserve() }
        let wanted = min(
            waitingCount - order.count { connections[$0] == .opening }, limits.connections - connections.count)
        for _ in 0..<max(0, wanted) { openAnother(now, &actions) }
    }

    /// Keeps new statements off one connection, so that busy shared use can't keep a transaction waiting for ever.
    private mutating func reserve() {
        let reserved = order.count { id in
            if case .reserved = connections[id] { true } else { false }
        }
        guard connections.count >= limits.connections, reserved < exclusiveWaiters.count,
            exclusiveCount + reserved < exclusiveLimit
        else { return }
        let shared = order.compactMap { id -> (id: ConnectionID, underWay: Int)? in
            if case .shared(let underWay, _) = connections[id] { (id, underWay) } else { nil }
        }
        if let least = shared.min(by: { $0.underWay < $1.underWay }) {
            connections[least.id] = .reserved(underWay: least.underWay)
        }
    }

    private mutating func unreserve() {
        for id in order {
            if case .reserved(let underWay) = connections[id] { connections[id] = .shared(underWay: underWay, since: .max) }
        }
    }

    private mutating func openAnother(_ now: Int64, _ actions: inout [Action]) {
        guard connections.count < limits.connections else { return }
        // One at a time while the server is away: the others would fail just the same.
        let opening = order.count { connections[$0] == .opening }
        guard failures == 0 || opening == 0 else { return }
        guard now >= mayOpenAt else { return wake(at: mayOpenAt, &actions) }
        // For shared load one more at a time is enough; waiters each ask for one.
        if opening > waitingCount { return }
        let id = nextConnection
        nextConnection += 1
        connections[id] = .opening
        order.append(id)
        actions.append(.open(id))
    }

    private func pause(afterFailures failures: Int) -> Int64 {
        let doublings = min(failures - 1, 16)
        return min(limits.shortestPause.nanoseconds << doublings, limits.longestPause.nanoseconds)
    }

    private mutating func closeUnused(_ now: Int64, _ actions: inout [Action]) {
        var open = order.count { connections[$0] != .closing }
        for id in order.reversed() where open > 1 {
            guard case .shared(0, let since) = connections[id] else { continue }
            let end = since == .max ? now : since + limits.idleLifetime.nanoseconds
            if end <= now {
                connections[id] = .closing
                actions.append(.close(id))
                open -= 1
            } else {
                wake(at: end, &actions)
            }
        }
        if open > 1 { wake(at: now + limits.idleLifetime.nanoseconds, &actions) }
    }

    private mutating func closeIdle(_ actions: inout [Action]) {
        for id in order {
            switch connections[id] {
            case .shared(0, _), .reserved(0), .opening:
                connections[id] = .closing
                actions.append(.close(id))
            case .shared, .reserved, .exclusive, .closing, nil: break
            }
        }
    }

    private mutating func wake(at time: Int64, _ actions: inout [Action]) {
        guard time < wakeAt else { return }
        wakeAt = time
        actions.append(.wake(at: time))
    }
}
