import CellProtocol
import CloudModel
import Conductor

/// One server's life in its cell, told event by event over the pure rules.
struct Life {
    static let host: HostName = "compute-1.tunis"
    static let other: HostName = "compute-2.tunis"
    static let spec = ServerSpec(
        name: "s", hostname: "s", project: "p", user: "u",
        flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 128, disk: 1), image: nil)

    var record: ServerRecord
    var now = Timestamp(microseconds: 1_000_000_000)
    /// What the last event asked of the world.
    var effects = ServerEffects.none
    private var number = 0

    init() { record = ServerRecord(id: .random(), epoch: PlacementEpoch(3), spec: Self.spec, at: now) }

    /// A server whose create has been stored, with a claim on `host`.
    static func building(deadline: Duration? = .seconds(60)) -> Life {
        var life = Life()
        life.effects = life.record.claimed(host, zone: "tunis", at: life.now)
        life.add(.create, deadline: deadline)
        return life
    }

    static func active() -> Life {
        var life = building()
        life.report()
        return life
    }

    static func stopped() -> Life {
        var life = active()
        life.add(.stop)
        life.report(.shutdown)
        return life
    }

    mutating func pass(_ time: Duration) { now = now + time }

    /// The API cell's next action comes.
    @discardableResult
    mutating func add(_ verb: Verb, hard: Bool = false, deadline: Duration? = .seconds(60), number: Int? = nil) -> ActionRecord
    {
        self.number = number ?? self.number + 1
        let action = ActionRecord(
            intent: .random(), number: self.number, verb: verb, hard: hard,
            deadline: verb == .delete ? nil : deadline.map { now + $0 })
        effects = record.add(action, at: now)
        return action
    }

    /// Its host says what it sees; by default that the latest order is carried out and the guest runs.
    mutating func report(
        _ power: PowerState = .running, _ presence: Observation.Presence = .present, applied: Int64? = nil,
        failure: String? = nil,
        failed: Int64? = nil, progress: String? = nil, from host: HostName? = nil, epoch: PlacementEpoch? = nil
    ) {
        let seen = Observation(
            server: record.id, epoch: epoch ?? record.epoch, appliedRevision: applied ?? record.orderRevision,
            presence: presence,
            power: power, failure: failure, failedRevision: failure == nil ? nil : failed ?? record.orderRevision,
            progress: progress)
        effects = record.take(seen, from: host ?? record.host ?? Self.host, at: now)
    }

    /// Nothing is left of it on its host.
    mutating func reportGone() { report(.noState, .absent) }

    mutating func tick() { effects = record.advance(at: now) }

    func state(of number: Int) -> ActionReport.State? { record.actions.first { $0.number == number }?.state }
    func message(of number: Int) -> String? { record.actions.first { $0.number == number }?.message }
}
