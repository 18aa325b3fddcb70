package import CellProtocol
package import CloudModel
package import Hypervisors

/// Decides what a host does next: orders, guests and finished work in; work to begin out. Pure: the agent performs what it says.
///
/// Its laws:
/// - Absence is never an order: a guest without an order is kept and reported, whatever else happens.
/// - An order of an older placement than the guest's changes nothing and is answered with a failure.
/// - One piece of work per server at a time; only destroying interrupts it, at its next step.
/// - What a revision asked for is done once: the guest's metadata says which was the last, and a guest that changes by itself
///   afterwards is reported, not corrected.
package struct Reconciler: Sendable {
    /// How much is done at once.
    package struct Limits: Sendable, Hashable {
        /// Builds: each may read an image and boots a machine. Too many and all are slow; too few and the host idles.
        package var builds: Int
        /// Starts, stops, reboots and destroys, which mostly wait for the guest.
        package var others: Int
        /// Servers destroyed here that are remembered, so that a late copy of an older order can't build them again.
        package var remembered = 10_000

        package init(builds: Int, others: Int) {
            self.builds = builds
            self.others = others
        }

        package static let libvirt = Limits(builds: 4, others: 16)
        package static let simulated = Limits(builds: 256, others: 256)
    }

    /// What there is to do for one server.
    package enum Verb: String, Sendable, Hashable {
        case build, start, stop, softReboot, hardReboot, destroy
        /// It is as the order wants it: only the revision has to be written down.
        case record
    }

    package struct Work: Sendable, Hashable {
        package var verb: Verb
        package var order: WorkOrder

        package init(verb: Verb, order: WorkOrder) {
            self.verb = verb
            self.order = order
        }
    }

    package enum Action: Sendable, Hashable {
        case begin(Work)
        /// Stop what is under way for this server at its next step.
        case interrupt(ServerID)
    }

    /// How a piece of work ended.
    package enum Outcome: Sendable, Hashable {
        /// Done; the guest as it is now, nil after it was destroyed.
        case done(Guest?)
        /// Not done, for good, and why, as a sentence for the user; the guest that is left, if any.
        case failed(String, Guest?)
        /// Not done, but trying again makes sense.
        case unavailable(String, Guest?)
        /// Given up because it was interrupted.
        case interrupted(Guest?)
    }

    struct Verdict {
        var revision: Int64
        var epoch: PlacementEpoch
        var sentence: String
        /// Nil: for good, for this revision.
        var retryAt: Timestamp?
        var attempts: Int
        /// Whether the conductor hears of it.
        var isReported: Bool
    }

    struct Done: Hashable {
        var epoch: PlacementEpoch
        var revision: Int64
    }

    private let limits: Limits
    private(set) var orders: [ServerID: WorkOrder] = [:]
    var guests: [ServerID: Guest] = [:]
    var running: [ServerID: Work] = [:]
    private var interrupted: Set<ServerID> = []
    var verdicts: [ServerID: Verdict] = [:]
    /// Servers that an order destroyed: the order, so that older ones are not built.
    var destroyed: [ServerID: Done] = [:]
    private var destroyedInOrder: [ServerID] = []
    /// Servers that were on the host in this agent's life and vanished without our doing.
    var vanished: [ServerID: PlacementEpoch] = [:]
    private var clock: UInt64 = 0
    private var changedAt: [ServerID: UInt64] = [:]
    /// Servers whose observation may have changed since `takeChanged`.
    var changed: Set<ServerID> = []

    package init(limits: Limits) { self.limits = limits }

    // MARK: - What is heard and seen

    /// The conductor's whole list. Orders that are no longer in it are forgotten; the guests stay.
    package mutating func assign(_ list: [WorkOrder]) {
        var next: [ServerID: WorkOrder] = [:]
        for order in list {
            // A list names a server once; were it not so, the later order counts.
            if let other = next[order.server], (other.epoch, other.revision) >= (order.epoch, order.revision) { continue }
            next[order.server] = order
            if orders[order.server] != order { touch(order.server) }
        }
        for server in orders.keys where next[server] == nil {
            verdicts[server] = nil
            touch(server)
        }
        orders = next
    }

    /// Marks the moment before the hypervisor is asked for its guests, for `see(_:since:)`.
    package func mark() -> UInt64 { clock }

    /// Every guest of the host, as listed after `mark`. Servers that changed meanwhile, or are being worked on, are left to the
    /// result of that work.
    package mutating func see(_ listed: [Guest], since mark: UInt64) {
        for guest in listed { see(guest, of: guest.server, since: mark) }
        let present = Set(listed.map(\.server))
        for server in guests.keys where !present.contains(server) { see(nil, of: server, since: mark) }
    }

    /// One guest, as looked up after `mark`; nil: it isn't there.
    package mutating func see(_ guest: Guest?, of server: ServerID, since mark: UInt64) {
        guard running[server] == nil, (changedAt[server] ?? 0) <= mark, guests[server] != guest else { return }
        if let guest {
            if guests[server] == nil { verdicts[server] = nil }
            guests[server] = guest
            vanished[server] = nil
        } else {
            vanished[server] = guests.removeValue(forKey: server)?.epoch
        }
        touch(server)
    }

    package mutating func finished(_ server: ServerID, _ outcome: Outcome, now: Timestamp) {
        guard let work = running.removeValue(forKey: server) else { return }
        let wasInterrupted = interrupted.remove(server) != nil
        touch(server)
        switch outcome {
        case .done(let guest):
            guests[server] = guest
            verdicts[server] = nil
            if work.verb == .destroy { remember(work.order) }
            if guest != nil { destroyed[server] = nil }
        case .failed(let sentence, let guest):
            guests[server] = guest
            guard !wasInterrupted else { return }
            // A delete is never given up; anything else is, for this revision.
            blame(work, sentence, retry: work.verb == .destroy, isReported: true, now: now)
        case .unavailable(let sentence, let guest):
            guests[server] = guest
            guard !wasInterrupted else { return }
            let late = work.order.deadline.map { now >= $0 } ?? false
            blame(work, sentence, retry: work.verb == .destroy || !late, isReported: late, now: now)
        case .interrupted(let guest):
            guests[server] = guest
        }
    }

    // MARK: - What to do

    /// What to begin and interrupt now. Called after every change, and by period for what waits for its time.
    package mutating func decide(now: Timestamp) -> [Action] {
        var actions: [Action] = []
        var builds = 0
        var others = 0
        for work in running.values {
            if work.verb == .build { builds += 1 } else { others += 1 }
        }
        // Older placements first, so that no build waits behind all newer ones.
        for order in orders.values.sorted(by: { ($0.epoch, $0.server) < ($1.epoch, $1.server) }) {
            let server = order.server
            if let work = running[server] {
                if order.desired == .destroyed, order.epoch >= work.order.epoch, work.verb != .destroy,
                    interrupted.insert(server).inserted
                {
                    actions.append(.interrupt(server))
                }
                continue
            }
            guard let verb = verb(for: order, now: now) else { continue }
            if verb == .build {
                guard builds < limits.builds else { continue }
                builds += 1
            } else {
                guard others < limits.others else { continue }
                others += 1
            }
            let work = Work(verb: verb, order: order)
            running[server] = work
            touch(server)
            actions.append(.begin(work))
        }
        return actions
    }

    private mutating func verb(for order: WorkOrder, now: Timestamp) -> Verb? {
        let server = order.server
        if let verdict = verdicts[server], verdict.epoch == order.epoch, verdict.revision == order.revision {
            guard let retryAt = verdict.retryAt, now >= retryAt else { return nil }
        }
        guard let guest = guests[server] else { return verbWithoutGuest(for: order, now: now) }
        if order.epoch < guest.epoch {
            refuse(order, "The order is of an older placement than the guest on the host.")
            return nil
        }
        if order.epoch == guest.epoch, order.revision <= guest.appliedRevision { return nil }
        if order.isVoid == true { return .record }
        if let limit = order.startBefore, now >= limit {
            refuse(order, "The action was not started before its deadline.")
            return nil
        }
        switch (order.desired, order.reboot) {
        case (.destroyed, _): return .destroy
        case (.stopped, _): return guest.isOn ? .stop : .record
        case (.running, .soft?): return guest.isOn ? .softReboot : .start
        case (.running, .hard?): return .hardReboot
        case (.running, nil): return guest.isOn && guest.power != .paused ? .record : .start
        }
    }

    private mutating func verbWithoutGuest(for order: WorkOrder, now: Timestamp) -> Verb? {
        let server = order.server
        if let done = destroyed[server], (order.epoch, order.revision) <= (done.epoch, done.revision) {
            if order.desired != .destroyed { refuse(order, "The server was destroyed on this host by a later order.") }
            return nil
        }
        if order.isVoid == true { return nil }
        switch order.desired {
        case .destroyed:
            // Also without a guest: a build that was killed half-way may have left files.
            return .destroy
        case .stopped:
            refuse(order, "The server's guest is not on this host.")
            return nil
        case .running:
            if let epoch = vanished[server], order.epoch <= epoch {
                refuse(order, "The server's guest is gone from this host, and not by order.")
                return nil
            }
            // Only an order that may build carries a deadline. A server that ran and has no guest any more is not built again: its
            // disk is gone, and an empty one in its place would hide that.
            guard let deadline = order.deadline else {
                refuse(order, "The server's guest is gone from this host.")
                return nil
            }
            if now >= deadline {
                refuse(order, verdicts[server]?.sentence ?? "The server was not built in time.")
                return nil
            }
            return .build
        }
    }

    /// The order asks for what has been done here already.
    package func hasCarriedOut(_ order: WorkOrder) -> Bool {
        if let done = destroyed[order.server] { return (order.epoch, order.revision) <= (done.epoch, done.revision) }
        return guests[order.server].map { $0.epoch == order.epoch && order.revision <= $0.appliedRevision } ?? false
    }

    package func guest(_ server: ServerID) -> Guest? { guests[server] }
    package func work(_ server: ServerID) -> Work? { running[server] }

    // MARK: -

    private mutating func touch(_ server: ServerID) {
        clock += 1
        changedAt[server] = guests[server] == nil && orders[server] == nil ? nil : clock
        changed.insert(server)
    }

    private mutating func refuse(_ order: WorkOrder, _ sentence: String) {
        verdicts[order.server] = Verdict(
            revision: order.revision, epoch: order.epoch, sentence: sentence, retryAt: nil, attempts: 1, isReported: true)
        touch(order.server)
    }

    private mutating func blame(_ work: Work, _ sentence: String, retry: Bool, isReported: Bool, now: Timestamp) {
        let order = work.order
        let earlier = verdicts[order.server].flatMap {
            $0.revision == order.revision && $0.epoch == order.epoch ? $0.attempts : nil
        }
        let attempts = (earlier ?? 0) + 1
        // 1, 2, 4, 8, 16, 30, 30 … seconds: a hypervisor that is restarting is back within the first few.
        let wait = Duration.seconds(min(30, 1 << min(attempts - 1, 5)))
        verdicts[order.server] = Verdict(
            revision: order.revision, epoch: order.epoch, sentence: sentence, retryAt: retry ? now + wait : nil,
            attempts: attempts, isReported: isReported || attempts > Self.attemptsUnreported)
    }

    /// After so many tries the user hears why it takes so long.
    private static let attemptsUnreported = 5

    private mutating func remember(_ order: WorkOrder) {
        if destroyed.updateValue(Done(epoch: order.epoch, revision: order.revision), forKey: order.server) == nil {
            destroyedInOrder.append(order.server)
        }
        vanished[order.server] = nil
        if destroyedInOrder.count > limits.remembered {
            for server in destroyedInOrder.prefix(limits.remembered / 2) where orders[server] == nil { destroyed[server] = nil }
            destroyedInOrder.removeFirst(limits.remembered / 2)
        }
    }
}
