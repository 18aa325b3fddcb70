import CellProtocol
import CloudModel
import Conductor
import Testing

/// A server's whole life at random, from a seed: actions of every kind, hosts that fail, are slow and say things twice or late, and
/// deadlines that pass. What must hold, holds after every event; and once everybody has had their say, nothing is left open.
@Suite struct LifecycleSimulationTests {
    @Test(arguments: 0..<2000 as Range<UInt64>)
    func everyLifeEndsWell(seed: UInt64) {
        var world = World(seed: seed)
        for _ in 0..<Int.random(in: 20...80, using: &world.random) {
            world.event()
            world.check()
        }
        world.settle()
        world.check()
        world.checkEnd()
    }
}

/// A cell's record of one server, two hosts that may have its guest, and the messages between them.
private struct World {
    let seed: UInt64
    var random: SeededRandom
    var record: ServerRecord
    var now = Timestamp(microseconds: 1_000_000_000)
    private var hosts: [HostName: SmallHost] = [Life.host: SmallHost(), Life.other: SmallHost()]
    private var reports: [(host: HostName, seen: Observation)] = []
    private var intents: [ActionRecord] = []
    private var number = 1
    private var claims: Set<HostName> = []
    private var seeks = false
    private var doneThrough = 0
    private var orderRevision: Int64 = 0

    /// What a host does with orders, in short: a revision is carried out once, and never an older one.
    struct SmallHost {
        var guest: (applied: Int64, power: PowerState)?
        var destroyedAt: Int64 = 0
        var isBroken = false
    }

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
        record = ServerRecord(id: .random(), epoch: PlacementEpoch(1), spec: Life.spec, at: now)
        claims = [Life.host]
        take(record.claimed(Life.host, zone: "z", at: now))
        add(.create)
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func take(_ effects: ServerEffects) {
        if effects.releasesClaim {
            #expect(claims.count == 1, "seed \(seed): room is given back once")
            for (name, host) in hosts where claims.contains(name) {
                #expect(host.guest == nil, "seed \(seed): room is given back only when the guest is gone")
            }
            claims = []
        }
        seeks = seeks || effects.seeksHost
    }

    private mutating func add(_ verb: Verb) {
        let deadline: Timestamp? = verb == .delete ? nil : now + .seconds(Int.random(in: 1...60, using: &random))
        let action = ActionRecord(
            intent: .random(), number: number, verb: verb, hard: chance(50),
            deadline: verb == .create ? now + .seconds(120) : deadline)
        number += 1
        intents.append(action)
        take(record.add(action, at: now))
    }

    mutating func event() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<10 where !intents.contains { $0.verb == .delete }:
            let verbs: [Verb] = [.reboot, .start, .stop, .stop, .start, .delete]
            add(verbs[Int.random(in: 0..<verbs.count, using: &random)])
        case 10..<15:
            if let again = intents.randomElement(using: &random) { take(record.add(again, at: now)) }
        case 15..<45: hostWorks()
        case 45..<75: deliver()
        case 75..<82: spontaneous()
        case 82..<86: if let name = hosts.keys.sorted().randomElement(using: &random) { hosts[name]?.isBroken.toggle() }
        case 86..<92: reseat()
        default:
            now = now + .milliseconds(Int.random(in: 1...20_000, using: &random))
            take(record.advance(at: now))
        }
    }

    /// The host of the order looks at it.
    private mutating func hostWorks() {
        guard let name = record.host, let order = record.order, var host = hosts[name] else { return }
        var failure: String?
        if order.revision > max(host.guest?.applied ?? 0, host.destroyedAt) {
            if order.desired == .destroyed {
                host.guest = nil
                host.destroyedAt = order.revision
            } else if host.isBroken || (host.guest == nil && order.deadline == nil) {
                failure = "It can't."
            } else if host.guest == nil, let deadline = order.deadline, deadline < now {
                failure = "Too late."
            } else {
                host.guest = (order.revision, order.desired == .stopped ? .shutdown : .running)
            }
        }
        hosts[name] = host
        report(name, failure: failure, failed: order.revision)
    }

    private mutating func report(_ name: HostName, failure: String? = nil, failed: Int64? = nil) {
        guard let host = hosts[name] else { return }
        reports.append(
            (
                name,
                Observation(
                    server: record.id, epoch: record.epoch, appliedRevision: host.guest?.applied ?? host.destroyedAt,
                    presence: host.guest == nil ? .absent : .present, power: host.guest?.power ?? .noState, failure: failure,
                    failedRevision: failure == nil ? nil : failed)
            ))
    }

    /// The conductor takes one report: the oldest, since a host sends one at a time; sometimes without the host hearing that it did.
    private mutating func deliver() {
        guard let report = reports.first else { return }
        if !chance(20) { reports.removeFirst() }
        take(record.take(report.seen, from: report.host, at: now))
    }

    private mutating func spontaneous() {
        guard let name = hosts.keys.sorted().first(where: { hosts[$0]?.guest != nil }) else { return }
        let powers: [PowerState] = [.shutdown, .crashed, .running, .paused]
        hosts[name]?.guest?.power = powers[Int.random(in: 0..<powers.count, using: &random)]
        report(name)
    }

    /// Housekeeping looks for another host, as it does for a record that seeks one.
    private mutating func reseat() {
        guard case .seekingHost(let reason) = record.build, !record.isSettled else { return }
        #expect(claims.isEmpty, "seed \(seed): one host at a time")
        if let free = [Life.host, Life.other].first(where: { !record.failedHosts.contains($0) }) {
            claims = [free]
            take(record.claimed(free, zone: "z", at: now))
        } else {
            record.refuse(reason, at: now)
        }
    }

    func check() {
        #expect(record.doneThrough >= doneThrough, "seed \(seed)")
        let guests = hosts.filter { $0.value.guest != nil }
        #expect(guests.count <= 1, "seed \(seed): never two guests")
        if let host = guests.first?.key { #expect(claims.contains(host), "seed \(seed): a guest has its room") }
        #expect(record.holdsClaim == !claims.isEmpty, "seed \(seed)")
        if record.isSettled { #expect(guests.isEmpty, "seed \(seed): what is settled left nothing behind") }
        if record.launchedAt != nil { #expect(record.refused == nil, "seed \(seed): what ran is not given back") }
        let numbers = record.actions.filter(\.isFinished).map(\.number)
        for action in record.actions where !action.isFinished && action.verb != .delete {
            #expect(numbers.allSatisfy { $0 < action.number }, "seed \(seed): in order")
        }
    }

    /// Everybody has their say: hosts are mended and work, every report arrives, time passes.
    mutating func settle() {
        for name in hosts.keys { hosts[name]?.isBroken = false }
        for _ in 0..<40 {
            hostWorks()
            while let report = reports.first {
                reports.removeFirst()
                take(record.take(report.seen, from: report.host, at: now))
            }
            reseat()
            now = now + .seconds(20)
            take(record.advance(at: now))
        }
    }

    func checkEnd() {
        let open = record.actions.filter { !$0.isFinished }
        if record.refused == nil {
            #expect(open.isEmpty, "seed \(seed): \(open.map(\.verb)) open, \(record.build), \(record.vmState)")
        }
        let guest = hosts.first { $0.value.guest != nil }
        switch record.vmState {
        case .deleted:
            #expect(guest == nil && claims.isEmpty, "seed \(seed)")
        case .active:
            #expect(guest?.key == record.host, "seed \(seed)")
            #expect(guest?.value.guest?.power == .running || guest?.value.guest?.power == .paused, "seed \(seed)")
        case .stopped:
            #expect(guest?.key == record.host, "seed \(seed)")
            #expect(guest?.value.guest?.power == .shutdown || guest?.value.guest?.power == .crashed, "seed \(seed)")
        case .error:
            if record.launchedAt == nil {
                #expect(guest == nil && claims.isEmpty, "seed \(seed): a failed build leaves nothing behind")
            }
        case .building:
            #expect(record.refused != nil, "seed \(seed): \(record.build)")
        }
        if intents.contains(where: { $0.verb == .delete }), record.refused == nil {
            #expect(record.vmState == .deleted, "seed \(seed)")
        }
    }
}
