package import CellProtocol
import CloudModel
import Foundation
package import Logging

/// The in-memory twin of the ZeroMQ transport: the same calls, handlers, heartbeats and refusals over a network whose faults come
/// from a seed. What happens to the n-th message of a link depends on the seed and n alone.
///
/// As on the real one, a messenger reaches the peers it dials, and peers that dialled it once they have been heard. A second
/// messenger with a name replaces the first: the newest connection wins. Messages are delivered by a thread of the network's own, or,
/// with `clock: .manual`, only inside `advance(by:)`.
package final class MemoryNetwork: Sendable {
    package enum Clock: Sendable {
        case real
        /// Time stands still but for `advance(by:)`.
        case manual
    }

    /// For the message of a failed test: the same seed gives the same faults.
    package let seed: UInt64
    private let clock: Clock
    private let state: Lock<State>
    private let courier: Courier

    struct Link: Hashable {
        let from: PeerName
        let to: PeerName
    }

    struct Delivery: Sendable {
        let frame: OutgoingFrame
        let from: PeerName
        /// Which messenger of the name sent it.
        let sender: UInt64
    }

    private struct State {
        var faults: Faults
        var now = BootInstant(nanoseconds: 1_000_000_000)
        var ends: [PeerName: End] = [:]
        var lastIncarnation: UInt64 = 0
        var cuts: Set<Link> = []
        var deliveries: [UInt64: Delivery] = [:]
        var lastDelivery: UInt64 = 0
        var due = DeadlineHeap<UInt64>()
        var paths: [Path: FaultyPath] = [:]
        var isStopped = false
    }

    private struct Path: Hashable {
        let link: Link
        let lane: Lane
    }

    private struct End {
        let exchange: Exchange
        let incarnation: UInt64
        let dials: Set<PeerName>
        /// Who dialled and was heard: incarnations by name.
        var heard: Set<PeerName> = []
        var nextTick: BootInstant
        var isRunning = false
        var waiting: [OutgoingFrame] = []
    }

    /// Messages of one messenger that wait for it to run or for a peer to appear.
    private static let mostWaiting = 4_096

    package init(seed: UInt64 = .random(in: 0...UInt64.max), faults: Faults = .none, clock: Clock = .real) {
        self.seed = seed
        self.clock = clock
        state = Lock(State(faults: faults))
        courier = Courier()
        if case .real = clock { courier.start { [weak self] in self?.deliverDue(at: .now()) } }
    }

    deinit { courier.stop() }

    /// A messenger on this network. It receives once `run` was called. `sharedLinks`: simulators may speak to it for hosts that have no
    /// key of their own there; nil: none may.
    package func messenger(
        _ name: PeerName, dialling peers: [PeerName] = [], sharedLinks: Enrolment? = nil,
        heartbeat: Duration = .milliseconds(50), limits: MessagingLimits = MessagingLimits(),
        logger: Logger = Logger(label: "messaging.memory")
    ) -> MemoryMessenger {
        let incarnation = state.withLock { state in
            state.lastIncarnation += 1
            return state.lastIncarnation
        }
        var random = SeededRandom(seed: seed, for: "\(name) \(incarnation)")
        let exchange = Exchange(
            name: name, limits: limits, heartbeat: heartbeat, sharing: sharedLinks.map { [$0] } ?? [],
            logger: logger, outbox: MemoryOutbox(network: self, from: name, incarnation: incarnation), firstID: random.next(),
            incarnation: random.next() | 1, clock: { [weak self] in self?.now ?? .now() })
        return MemoryMessenger(network: self, exchange: exchange, incarnation: incarnation, dials: peers)
    }

    /// Faults from now on.
    package func set(_ faults: Faults) { state.withLock { $0.faults = faults } }

    /// Nothing passes between two peers any more; with `oneWay` only from the first to the second. What is on the way is lost.
    package func cut(_ from: PeerName, _ to: PeerName, oneWay: Bool = false) {
        state.withLock { state in
            state.cuts.insert(Link(from: from, to: to))
            if !oneWay { state.cuts.insert(Link(from: to, to: from)) }
        }
    }

    /// Undoes every cut.
    package func heal() { state.withLock { $0.cuts = [] } }

    package func heal(_ one: PeerName, _ other: PeerName) {
        state.withLock { $0.cuts.subtract([Link(from: one, to: other), Link(from: other, to: one)]) }
    }

    /// With a manual clock: lets time pass, delivering what becomes due in order. Handlers run on as tasks of their own.
    package func advance(by duration: Duration) {
        let end = now + duration
        while let due = nextDue(), due <= end { deliverDue(at: due) }
        deliverDue(at: end)
    }

    var now: BootInstant {
        switch clock {
        case .real: .now()
        case .manual: state.withLock { $0.now }
        }
    }

    // MARK: - What messengers use

    func start(_ exchange: Exchange, incarnation: UInt64, dials: [PeerName]) {
        let now = now
        let replaced = state.withLock { state -> Exchange? in
            let before = state.ends.updateValue(
                End(exchange: exchange, incarnation: incarnation, dials: Set(dials), nextTick: now, isRunning: true),
                forKey: exchange.name)
            // A new process: those it dials hear it when it speaks, and those that heard its forerunner must wait for that.
            for peer in state.ends.keys where peer != exchange.name { state.ends[peer]?.heard.remove(exchange.name) }
            return before?.exchange
        }
        if let replaced { replaced.log.logger.warning("peer replaced", metadata: ["peer": "\(exchange.name)"]) }
        for peer in dials {
            exchange.dials(peer, on: Lane.allCases)
            for lane in Lane.allCases { exchange.connected(peer, on: lane) }
        }
        courier.wake()
    }

    func stop(_ name: PeerName, incarnation: UInt64) {
        state.withLock { state in
            guard state.ends[name]?.incarnation == incarnation else { return }
            state.ends[name] = nil
            for peer in Array(state.ends.keys) { state.ends[peer]?.heard.remove(name) }
        }
    }

    /// Decides what becomes of a message, and when. False: too many wait.
    func submit(_ frame: OutgoingFrame, from: PeerName, incarnation: UInt64) -> Bool {
        let now = now
        let outcome = state.withLock { state -> (accepted: Bool, unreachable: Exchange?) in
            guard let end = state.ends[from], end.incarnation == incarnation else { return (true, nil) }
            if frame.type == .call { state.ends[from]?.nextTick = min(end.nextTick, frame.expires) }
            let isDialled = end.dials.contains(frame.to.link)
            guard isDialled || end.heard.contains(frame.to.link) else { return (true, end.exchange) }
            if isDialled, state.ends[frame.to.link] == nil {
                // Nobody there yet: as a DEALER does, wait; heartbeats don't.
                if frame.type == .heartbeat { return (true, nil) }
                guard end.waiting.count < Self.mostWaiting else { return (false, nil) }
                state.ends[from]?.waiting.append(frame)
                return (true, nil)
            }
            post(frame, from: from, incarnation: incarnation, at: now, &state)
            return (true, nil)
        }
        outcome.unreachable?.undelivered(frame, .unreachable)
        courier.wake()
        return outcome.accepted
    }

    // MARK: - Time

    private func post(_ frame: OutgoingFrame, from: PeerName, incarnation: UInt64, at now: BootInstant, _ state: inout State) {
        let path = Path(link: Link(from: from, to: frame.to.link), lane: frame.lane)
        let arrivals = state.paths[path, default: FaultyPath(seed: seed, name: "\(from) \(frame.to.link) \(frame.lane)")]
            .arrivals(ofOneSentAt: now, state.faults)
        guard !state.cuts.contains(path.link) else { return }
        let delivery = Delivery(frame: frame, from: from, sender: incarnation)
        for arrival in arrivals {
            state.lastDelivery += 1
            state.deliveries[state.lastDelivery] = delivery
            state.due.insert(state.lastDelivery, due: arrival)
        }
    }

    /// Delivers and ticks what is due; says when to come again.
    @discardableResult
    private func deliverDue(at now: BootInstant) -> BootInstant? {
        state.withLock { $0.now = max($0.now, now) }
        while let (delivery, arrival) = nextDelivery(at: now) {
            switch arrival {
            case .nowhere:
                break
            case .superseded(let exchange):
                exchange.count(\.superseded)
            case .at(let exchange):
                var frame = delivery.frame
                guard let bytes = frame.stamped(at: now) else { break }
                bytes.withUnsafeBytes { exchange.received($0, from: delivery.from, lane: frame.lane) }
            }
        }
        let ticking = state.withLock { state in state.ends.filter { $0.value.nextTick <= now }.map { ($0.key, $0.value) } }
        for (name, end) in ticking {
            release(name, at: now)
            let next = end.exchange.tick(at: now) ?? .distantFuture
            state.withLock { state in
                guard state.ends[name]?.incarnation == end.incarnation else { return }
                state.ends[name]?.nextTick = next
            }
        }
        return nextDue()
    }

    private enum Arrival {
        case at(Exchange)
        /// Its sender was replaced meanwhile.
        case superseded(Exchange)
        case nowhere
    }

    /// The next message that is due, and where it goes.
    private func nextDelivery(at now: BootInstant) -> (Delivery, Arrival)? {
        state.withLock { state in
            guard let number = state.due.popDue(at: now), let delivery = state.deliveries.removeValue(forKey: number) else {
                return nil
            }
            let link = Link(from: delivery.from, to: delivery.frame.to.link)
            guard !state.cuts.contains(link), let end = state.ends[delivery.frame.to.link] else { return (delivery, .nowhere) }
            if let sender = state.ends[delivery.from], sender.incarnation != delivery.sender {
                return (delivery, .superseded(end.exchange))
            }
            state.ends[delivery.frame.to.link]?.heard.insert(delivery.from)
            return (delivery, .at(end.exchange))
        }
    }

    /// Sends on what waited for a peer that is there now.
    private func release(_ name: PeerName, at now: BootInstant) {
        state.withLock { state in
            guard let end = state.ends[name], !end.waiting.isEmpty else { return }
            var kept: [OutgoingFrame] = []
            for frame in end.waiting {
                if frame.expires <= now { continue }
                if state.ends[frame.to.link] == nil {
                    kept.append(frame)
                } else {
                    post(frame, from: name, incarnation: end.incarnation, at: now, &state)
                }
            }
            state.ends[name]?.waiting = kept
        }
    }

    private func nextDue() -> BootInstant? {
        state.withLock { state in
            [state.due.next, state.ends.values.map(\.nextTick).min()].compactMap { $0 }.min()
        }
    }
}

/// The way out of one messenger. Holds the network weakly: its courier ends with it.
struct MemoryOutbox: Outbox {
    private let network: Weak<MemoryNetwork>
    private let from: PeerName
    private let incarnation: UInt64

    init(network: MemoryNetwork, from: PeerName, incarnation: UInt64) {
        self.network = Weak(network)
        self.from = from
        self.incarnation = incarnation
    }

    func submit(_ frame: OutgoingFrame) -> Bool {
        network.value?.submit(frame, from: from, incarnation: incarnation) ?? true
    }
}

private final class Weak<Value: AnyObject & Sendable>: Sendable {
    private let state: Lock<Reference>
    private struct Reference { weak var value: Value? }
    init(_ value: Value) { state = Lock(Reference(value: value)) }
    var value: Value? { state.withLock { $0.value } }
}
