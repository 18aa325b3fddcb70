import CellProtocol
import CloudModel
import Conductor
import Testing

/// What hosts see: spontaneous changes, late and doubled reports, and reports a restored database doesn't expect.
@Suite struct ObservationTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let from: @Sendable () -> Life
        let power: PowerState
        let presence: Observation.Presence
        let end: VMState
        var testDescription: String { "\(power), \(presence) → \(end)" }
    }

    static let changes: [Change] = [
        Change(from: Life.active, power: .shutdown, presence: .present, end: .stopped),
        Change(from: Life.active, power: .crashed, presence: .present, end: .stopped),
        Change(from: Life.active, power: .paused, presence: .present, end: .active),
        Change(from: Life.active, power: .running, presence: .present, end: .active),
        Change(from: Life.stopped, power: .running, presence: .present, end: .active),
        Change(from: Life.stopped, power: .shutdown, presence: .present, end: .stopped),
        Change(from: Life.active, power: .noState, presence: .absent, end: .error),
        Change(from: Life.stopped, power: .noState, presence: .absent, end: .error),
    ]

    @Test(arguments: changes) func aGuestThatChangesByItselfIsFollowedNotCorrected(change: Change) {
        var life = change.from()
        let order = life.record.orderRevision
        life.report(change.power, change.presence)
        #expect(life.record.vmState == change.end)
        #expect(life.record.powerState == change.power)
        #expect(life.record.orderRevision == order, "nobody asked for anything")
        #expect(life.effects == .none)
        #expect(life.record.isOrdered, "the host keeps its order, and destroys nothing")
    }

    @Test func whileAnActionRunsItsOwnWayCounts() {
        var life = Life.active()
        life.add(.stop)
        life.report(.shutdown, applied: life.record.orderRevision - 1)
        #expect(life.state(of: 2) == .running)
        life.report(.shutdown)
        #expect(life.record.vmState == .stopped)
        #expect(life.state(of: 2) == .done)
    }

    @Test func reportsOfOtherPlacementsAndHostsAreIgnored() {
        var life = Life.active()
        let before = life.record
        life.report(.shutdown, epoch: PlacementEpoch(2))
        #expect(life.record == before)
        life.report(.shutdown, epoch: PlacementEpoch(4))
        #expect(life.record == before)
        life.report(.shutdown, from: Life.other)
        #expect(life.record == before)
    }

    @Test func aReportThatComesTwiceChangesNothing() {
        var life = Life.active()
        let before = life.record
        life.pass(.seconds(5))
        life.report()
        #expect(life.record == before)
        #expect(life.effects == .none)
    }

    @Test func anAppliedRevisionNeverGoesBack() {
        var life = Life.stopped()
        let applied = life.record.appliedRevision
        life.report(.shutdown, applied: applied - 1)
        #expect(life.record.appliedRevision == applied)
    }

    @Test func aRestoredRecordGoesOnAboveWhatItsHostHasApplied() {
        var life = Life.active()
        life.report(applied: 40)
        #expect(life.record.orderRevision == 40)
        #expect(life.effects == .none, "it asks for nothing")
        life.add(.stop)
        #expect(life.record.order?.revision == 41)
    }

    @Test(arguments: [Verb.stop, .reboot]) func anActionUnderAForgottenNumberIsAskedForAgain(verb: Verb) {
        var life = Life.active()
        life.add(verb)
        life.report(applied: 40)
        #expect(life.record.order?.revision == 41, "the host passed the first number over")
        #expect(life.effects.wake == [Life.host])
        #expect(life.state(of: 2) == .running)
        #expect(life.record.order?.reboot == (verb == .reboot ? .soft : nil))
        life.report(verb == .stop ? .shutdown : .running)
        #expect(life.state(of: 2) == .done)
    }

    @Test func aDeleteUnderAForgottenNumberIsAskedForAgain() {
        var life = Life.active()
        life.add(.delete)
        life.report(applied: 40)
        #expect(life.record.order?.revision == 41)
        #expect(life.record.order?.desired == .destroyed)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
    }

    @Test func stepsAreKeptOnceAndWithinBounds() {
        var life = Life.active()
        let step = TraceStep("host.boot", place: "compute-1", started: life.now, ended: life.now)
        life.record.note([step, step])
        life.record.note([step])
        #expect(life.record.actions[0].steps == [step])
        life.record.note((0..<500).map { TraceStep("step \($0)", place: "compute-1", started: life.now, ended: life.now) })
        #expect(life.record.actions[0].steps.count < 100)
    }

    @Test func theLastAttributesCountWhateverTheirNumber() {
        var life = Life.active()
        func named(_ name: String, _ revision: Int64) -> ServerAttributes {
            ServerAttributes(
                server: life.record.id, revision: revision, name: name, metadata: [:], keyName: nil, publicKey: nil)
        }
        // As after a clock of the API cell was set back, or a release that numbered them by the clock.
        life.record.take(named("old", 1_795_210_500_123_456), at: life.now)
        life.record.take(named("new", 4), at: life.now)
        #expect(life.record.spec.name == "new")
        #expect(life.record.vmState == .active)
    }

    @Test func theReportCarriesWhatTheCellOwns() {
        let life = Life.active()
        let report = life.record.report
        #expect(report.server == life.record.id)
        #expect(report.vmState == .active)
        #expect(report.host == Life.host)
        #expect(report.instanceName == "instance-" + life.record.id.rawValue.hex.prefix(8))
        #expect(report.doneThrough == 1)
    }
}
