import Testing

@testable import Database

/// The pool's decisions, without a database: events in, actions out.
struct PoolStateMachineTests {
    private typealias Machine = PoolStateMachine
    private static let second: Int64 = 1_000_000_000

    private func limits(_ connections: Int, _ change: (inout PoolLimits) -> Void = { _ in }) -> PoolLimits {
        var limits = PoolLimits(connections: connections)
        change(&limits)
        return limits
    }

    /// A machine whose connections are open and idle.
    private func machine(open count: Int, of limits: PoolLimits) -> Machine {
        var machine = Machine(limits: limits)
        var actions: [Machine.Action] = []
        var waiters: [Int] = []
        for _ in 0..<count {
            if case .wait(let waiter) = machine.lease(.exclusive, now: 0, &actions) { waiters.append(waiter) }
        }
        for waiter in waiters { machine.cancelled(waiter) }
        for id in 0..<count { machine.opened(id, now: 0, &actions) }
        return machine
    }

    @Test func theFirstCallerOpensTheFirstConnectionAndGetsIt() {
        var machine = Machine(limits: limits(2))
        var actions: [Machine.Action] = []
        #expect(!machine.canGrant(.shared))
        #expect(machine.lease(.shared, now: 0, &actions) == .wait(0))
        #expect(actions == [.wake(at: 5 * Self.second), .open(0)])
        actions = []
        machine.opened(0, now: 1, &actions)
        #expect(actions.contains(.grant(0, 0)))
        #expect(machine.canGrant(.shared))
    }

    @Test func sharedCallersFillTheLeastLoadedConnectionUpToTheDepth() {
        var machine = machine(open: 2, of: limits(2) { $0.pipelineDepth = 2 })
        var actions: [Machine.Action] = []
        var granted: [Machine.Lease] = []
        for _ in 0..<4 { granted.append(machine.lease(.shared, now: 0, &actions)) }
        #expect(granted == [.granted(0), .granted(1), .granted(0), .granted(1)])
        guard case .wait(let waiter) = machine.lease(.shared, now: 0, &actions) else {
            Issue.record("the fifth did not wait")
            return
        }
        actions = []
        machine.released(1, now: 0, &actions)
        #expect(actions == [.grant(waiter, 1)])
    }

    @Test func busySharedConnectionsMakeItOpenAnother() {
        var machine = machine(open: 1, of: limits(3) { $0.openAnotherAt = 2 })
        var actions: [Machine.Action] = []
        for _ in 0..<2 { #expect(machine.lease(.shared, now: 0, &actions) == .granted(0)) }
        #expect(!actions.contains(.open(1)))
        #expect(machine.lease(.shared, now: 0, &actions) == .granted(0))
        #expect(actions.contains(.open(1)))
    }

    @Test func oneConnectionAlwaysStaysShared() {
        var machine = machine(open: 2, of: limits(2))
        var actions: [Machine.Action] = []
        #expect(machine.lease(.exclusive, now: 0, &actions) == .granted(1))
        guard case .wait = machine.lease(.exclusive, now: 0, &actions) else {
            Issue.record("both connections became exclusive")
            return
        }
        #expect(machine.lease(.shared, now: 0, &actions) == .granted(0))
    }

    @Test func theOnlyConnectionServesBothInTurn() {
        var machine = machine(open: 1, of: limits(1))
        var actions: [Machine.Action] = []
        #expect(machine.lease(.exclusive, now: 0, &actions) == .granted(0))
        guard case .wait(let shared) = machine.lease(.shared, now: 0, &actions) else {
            Issue.record("a shared caller got an exclusive connection")
            return
        }
        actions = []
        machine.released(0, now: 0, &actions)
        #expect(actions == [.grant(shared, 0)])
    }

    @Test func steadySharedUseDoesNotStarveATransaction() {
        var machine = machine(open: 2, of: limits(2))
        var actions: [Machine.Action] = []
        for _ in 0..<4 { _ = machine.lease(.shared, now: 0, &actions) }  // two on each
        guard case .wait(let waiter) = machine.lease(.exclusive, now: 0, &actions) else {
            Issue.record("a loaded connection became exclusive")
            return
        }
        // One of the two is now kept free of new statements.
        var used: Set<Int> = []
        for _ in 0..<4 {
            if case .granted(let id) = machine.lease(.shared, now: 0, &actions) { used.insert(id) }
        }
        #expect(used.count == 1)
        let reserved = used == [0] ? 1 : 0
        actions = []
        machine.released(reserved, now: 0, &actions)
        #expect(actions.isEmpty)
        machine.released(reserved, now: 0, &actions)
        #expect(actions == [.grant(waiter, reserved)])
    }

    @Test func aCallerThatWaitsTooLongIsRefused() {
        var machine = machine(open: 1, of: limits(1))
        var actions: [Machine.Action] = []
        _ = machine.lease(.exclusive, now: 0, &actions)
        actions = []
        guard case .wait(let waiter) = machine.lease(.exclusive, now: 7, &actions) else { return }
        #expect(actions.isEmpty)  // a wake a little earlier is under way already
        machine.tick(now: 5 * Self.second, &actions)
        #expect(actions == [.wake(at: 5 * Self.second + 7)])
        machine.tick(now: 5 * Self.second + 7, &actions)
        #expect(actions.contains(.refuse(waiter, .timedOut)))
        #expect(machine.waitingCount == 0)
    }

    @Test func theLineIsBounded() {
        var machine = machine(open: 1, of: limits(1) { $0.waiting = 2 })
        var actions: [Machine.Action] = []
        _ = machine.lease(.exclusive, now: 0, &actions)
        _ = machine.lease(.exclusive, now: 0, &actions)
        _ = machine.lease(.shared, now: 0, &actions)
        #expect(machine.lease(.shared, now: 0, &actions) == .refused(.tooManyWaiting))
    }

    @Test func afterFailuresItPausesLongerAndLonger() {
        var machine = Machine(limits: limits(4) { $0.acquireTimeout = .seconds(100) })
        var actions: [Machine.Action] = []
        _ = machine.lease(.shared, now: 0, &actions)
        var now: Int64 = 0
        var pauses: [Int64] = []
        for attempt in 0..<8 {
            #expect(actions.contains(.open(attempt)))
            actions = []
            machine.lost(attempt, now: now, &actions)
            guard let wake = actions.lazy.compactMap({ if case .wake(let at) = $0 { at } else { nil } }).first else {
                Issue.record("no wake after failure \(attempt)")
                return
            }
            pauses.append((wake - now) / 1_000_000)
            now = wake
            actions = []
            machine.tick(now: now, &actions)
        }
        #expect(pauses == [50, 100, 200, 400, 800, 1600, 2000, 2000])
    }

    @Test func aLostConnectionIsReplacedForThoseWhoWait() {
        var machine = machine(open: 1, of: limits(1))
        var actions: [Machine.Action] = []
        _ = machine.lease(.exclusive, now: 0, &actions)
        _ = machine.lease(.exclusive, now: 0, &actions)
        actions = []
        machine.lost(0, now: 0, &actions)
        #expect(actions == [.open(1)])
        actions = []
        machine.released(0, now: 0, &actions)  // its user gives it back late
        #expect(actions.isEmpty)
    }

    @Test func unusedConnectionsCloseExceptOne() {
        var machine = machine(open: 3, of: limits(3))
        var actions: [Machine.Action] = []
        machine.tick(now: 119 * Self.second, &actions)
        #expect(!actions.contains(.close(2)))
        machine.tick(now: 120 * Self.second, &actions)
        #expect(actions.filter { if case .close = $0 { true } else { false } } == [.close(2), .close(1)])
    }

    @Test func shuttingDownWaitsForWhatIsUnderWay() {
        var machine = machine(open: 2, of: limits(2))
        var actions: [Machine.Action] = []
        #expect(machine.lease(.exclusive, now: 0, &actions) == .granted(1))
        guard case .wait(let waiter) = machine.lease(.exclusive, now: 0, &actions) else { return }
        actions = []
        machine.shutDown(&actions)
        #expect(actions == [.refuse(waiter, .closed), .close(0)])
        #expect(machine.lease(.shared, now: 0, &actions) == .refused(.closed))
        actions = []
        machine.lost(0, now: 0, &actions)
        machine.released(1, now: 0, &actions)
        machine.lost(1, now: 0, &actions)
        #expect(actions == [.close(1), .drained])
    }

    /// Whatever happens in whatever order: never more connections than allowed, none exclusive and shared at once, one left shared, and
    /// nobody forgotten.
    @Test(arguments: 0..<50 as Range<UInt64>) func itsRulesHoldForAnyHistory(seed: UInt64) {
        var random = SplitMix(state: seed)
        let limits = limits(Int.random(in: 1...4, using: &random)) {
            $0.pipelineDepth = 3
            $0.waiting = 12
        }
        var machine = Machine(limits: limits)
        var now: Int64 = 0
        var held: [(id: Int, use: Machine.Use)] = []
        var waiting: [Int: Machine.Use] = [:]
        var opening: Set<Int> = []
        var open: Set<Int> = []
        var wake = Int64.max

        func perform(_ actions: [Machine.Action]) {
            for action in actions {
                switch action {
                case .open(let id): opening.insert(id)
                case .close(let id): #expect(open.contains(id) || opening.contains(id), "seed \(seed)")
                case .grant(let waiter, let id):
                    let use = waiting.removeValue(forKey: waiter)
                    #expect(use != nil && open.contains(id), "seed \(seed)")
                    held.append((id, use ?? .shared))
                case .refuse(let waiter, _): #expect(waiting.removeValue(forKey: waiter) != nil, "seed \(seed)")
                case .wake(let at): wake = min(wake, at)
                case .drained: break
                }
            }
        }

        for _ in 0..<400 {
            var actions: [Machine.Action] = []
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                let use: Machine.Use = Bool.random(using: &random) ? .shared : .exclusive
                switch machine.lease(use, now: now, &actions) {
                case .granted(let id): held.append((id, use))
                case .wait(let waiter): waiting[waiter] = use
                case .refused: break
                }
            case 4..<7:
                if !held.isEmpty {
                    let lease = held.remove(at: Int.random(in: 0..<held.count, using: &random))
                    machine.released(lease.id, now: now, &actions)
                }
            case 7:
                if let id = opening.randomElement(using: &random) {
                    opening.remove(id)
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        machine.lost(id, now: now, &actions)
                    } else {
                        open.insert(id)
                        machine.opened(id, now: now, &actions)
                    }
                }
            case 8:
                if Int.random(in: 0..<5, using: &random) == 0, let id = open.randomElement(using: &random) {
                    open.remove(id)
                    held.removeAll { $0.id == id }
                    machine.lost(id, now: now, &actions)
                }
            default:
                if wake < .max, Bool.random(using: &random) {
                    now = max(now, wake)
                    wake = .max
                    machine.tick(now: now, &actions)
                } else {
                    now += 1_000_000
                }
            }
            perform(actions)
            #expect(open.count + opening.count <= limits.connections, "seed \(seed)")
            let exclusive = Set(held.filter { $0.use == .exclusive }.map(\.id))
            #expect(exclusive.count <= max(1, limits.connections - 1), "seed \(seed)")
            for id in exclusive { #expect(held.count { $0.id == id } == 1, "seed \(seed)") }
            #expect(waiting.count == machine.waitingCount, "seed \(seed)")
            // Somebody waits only while something is on its way: a connection, a release, or a wake.
            if !waiting.isEmpty { #expect(!opening.isEmpty || !held.isEmpty || wake < .max, "seed \(seed)") }
        }
    }
}

/// A small generator with a seed (Steele, Lea, Flood, "Fast splittable pseudorandom number generators").
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
