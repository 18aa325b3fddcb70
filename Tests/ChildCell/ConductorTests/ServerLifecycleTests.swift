import CellProtocol
import CloudModel
import Conductor
import Testing

/// The verbs, one by one and one after another.
@Suite struct ServerLifecycleTests {
    @Test func aBuildGoesFromItsClaimToActive() {
        var life = Life.building()
        #expect(life.record.vmState == .building)
        #expect(life.record.order?.desired == .running)
        #expect(life.record.order?.deadline != nil, "only an order with a deadline may build")
        #expect(life.effects.wake == [Life.host])
        life.report(.noState, .building, applied: 0, progress: "block_device_mapping")
        #expect(life.record.progress == "block_device_mapping")
        #expect(life.state(of: 1) == .running)
        life.report()
        #expect(life.record.vmState == .active)
        #expect(life.record.launchedAt == life.now)
        #expect(life.record.progress == nil)
        #expect(life.record.doneThrough == 1)
        #expect(life.state(of: 1) == .done)
        #expect(life.record.order?.deadline == nil, "what ran once is never built again")
    }

    struct Step: Sendable, CustomTestStringConvertible {
        let verb: Verb
        var hard = false
        let from: @Sendable () -> Life
        let desired: WorkOrder.Desired
        let reboot: WorkOrder.Reboot?
        let progress: String
        let power: PowerState
        let end: VMState
        var testDescription: String { "\(verb)\(hard ? " hard" : "") to \(end)" }
    }

    static let steps: [Step] = [
        Step(
            verb: .stop, from: Life.active, desired: .stopped, reboot: nil, progress: "powering-off", power: .shutdown,
            end: .stopped),
        Step(
            verb: .stop, from: Life.active, desired: .stopped, reboot: nil, progress: "powering-off", power: .crashed,
            end: .stopped),
        Step(
            verb: .start, from: Life.stopped, desired: .running, reboot: nil, progress: "powering-on", power: .running,
            end: .active),
        Step(
            verb: .reboot, from: Life.active, desired: .running, reboot: .soft, progress: "rebooting", power: .running,
            end: .active),
        Step(
            verb: .reboot, hard: true, from: Life.active, desired: .running, reboot: .hard, progress: "rebooting_hard",
            power: .running,
            end: .active),
        Step(
            verb: .reboot, hard: true, from: Life.stopped, desired: .running, reboot: .hard, progress: "rebooting_hard",
            power: .running,
            end: .active),
    ]

    @Test(arguments: steps) func aVerbIsOrderedCarriedOutAndDone(step: Step) {
        var life = step.from()
        let before = life.record.orderRevision
        let action = life.add(step.verb, hard: step.hard)
        #expect(life.record.orderRevision == before + 1)
        #expect(life.record.order?.desired == step.desired)
        #expect(life.record.order?.reboot == step.reboot)
        #expect(life.record.order?.action == action.number)
        #expect(life.record.progress == step.progress)
        #expect(life.effects.wake == [Life.host])
        // As it was before: the order isn't applied yet.
        life.report(step.verb == .start ? .shutdown : .running, applied: before)
        #expect(life.state(of: action.number) == .running)
        life.report(step.power)
        #expect(life.record.vmState == step.end)
        #expect(life.state(of: action.number) == .done)
        #expect(life.record.doneThrough == action.number)
        #expect(life.record.progress == nil)
        #expect(life.record.reboot == nil)
    }

    @Test func actionsThatCameTogetherRunInTheOrderOfTheirNumbers() {
        var life = Life.active()
        life.add(.start, number: 3)
        #expect(life.state(of: 3) == .stored, "number 2 has not come yet")
        life.add(.stop, number: 2)
        #expect(life.state(of: 2) == .running)
        #expect(life.state(of: 3) == .stored)
        life.report(.shutdown)
        #expect(life.state(of: 2) == .done)
        #expect(life.state(of: 3) == .running)
        life.report()
        #expect(life.record.vmState == .active)
        #expect(life.record.doneThrough == 3)
    }

    @Test func anIntentThatComesTwiceIsOneAction() {
        var life = Life.active()
        let action = life.add(.stop)
        let once = life.record
        #expect(life.record.add(action, at: life.now) == .none)
        #expect(life.record == once)
        life.report(.shutdown)
        let done = life.record
        #expect(life.record.add(action, at: life.now) == .none)
        // Another intent under a number that is done is a late copy of what the record has dropped.
        #expect(life.record.add(ActionRecord(intent: .random(), number: 2, verb: .stop), at: life.now) == .none)
        #expect(life.record == done)
    }

    @Test func anActionThatIsLateIsNeverStarted() {
        var life = Life.active()
        let before = life.record.orderRevision
        life.pass(.seconds(100))
        life.add(.stop, deadline: .seconds(-1))
        #expect(life.state(of: 2) == .expired)
        #expect(life.record.orderRevision == before)
        #expect(life.record.vmState == .active)
        #expect(life.record.doneThrough == 2)
        #expect(life.effects == .none)
    }

    @Test func whatWaitsBehindASlowOneExpiresToo() {
        var life = Life.active()
        life.add(.reboot, deadline: .seconds(50))
        life.add(.stop, deadline: .seconds(10))
        life.pass(.seconds(20))
        life.report()
        #expect(life.state(of: 2) == .done)
        #expect(life.state(of: 3) == .expired)
        #expect(life.record.vmState == .active)
    }

    @Test func aHostThatDoesNotAnswerFailsTheActionAtItsDeadlineAndNothingElse() {
        var life = Life.active()
        life.add(.stop, deadline: .seconds(10))
        #expect(life.record.due == life.now + .seconds(10))
        life.pass(.seconds(11))
        life.tick()
        #expect(life.state(of: 2) == .failed)
        #expect(life.record.vmState == .active, "what exists is what the host last said")
        #expect(life.record.order?.isVoid == true, "a host that comes back must not do it any more")
        #expect(life.record.due == nil)
        // The host did it after all: what exists follows.
        life.report(.shutdown)
        #expect(life.record.vmState == .stopped)
    }

    @Test func aFailedActionLeavesTheServerAndTheNextOneRuns() {
        var life = Life.active()
        life.add(.reboot)
        life.report(applied: life.record.orderRevision - 1, failure: "The guest doesn't listen.")
        #expect(life.state(of: 2) == .failed)
        #expect(life.message(of: 2) == "The guest doesn't listen.")
        #expect(life.record.order?.isVoid == true, "it is not tried again behind the user's back")
        #expect(life.effects.wake == [Life.host])
        #expect(life.record.vmState == .active)
        life.add(.stop)
        life.report(.shutdown)
        #expect(life.record.vmState == .stopped)
    }

    @Test func aFailureOfAnEarlierOrderIsHistory() {
        var life = Life.active()
        let earlier = life.record.orderRevision
        life.add(.stop)
        life.report(applied: earlier, failure: "Too late.", failed: earlier)
        #expect(life.state(of: 2) == .running)
    }

    @Test func finishedActionsAreKeptWithinBounds() {
        var life = Life.active()
        for _ in 0..<30 {
            life.add(.reboot)
            life.report()
        }
        #expect(life.record.doneThrough == 31)
        #expect(life.record.actions.count <= 11)
        #expect(life.record.actions.last?.number == 31)
    }
}

/// Deleting, at any time.
@Suite struct DeletionTests {
    static let lives: [@Sendable () -> Life] = [{ Life.building() }, Life.active, Life.stopped]

    @Test(arguments: [0, 1, 2]) func aDeleteOvertakesAndEndsWhenTheHostHasNothingLeft(which: Int) {
        var life = Self.lives[which]()
        if which == 1 { life.add(.stop) }
        let waiting = life.record.actions.filter { !$0.isFinished }.map(\.number)
        let delete = life.add(.delete)
        #expect(life.record.order?.desired == .destroyed)
        #expect(life.effects.wake == [Life.host])
        #expect(!life.effects.releasesClaim, "the room is given back only when the guest is surely gone")
        for number in waiting { #expect(life.state(of: number) == .interrupted) }
        let ordered = life.record.orderRevision
        life.report(applied: ordered - 1)
        #expect(life.record.vmState != .deleted)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
        #expect(life.effects.releasesClaim)
        #expect(life.state(of: delete.number) == .done)
        #expect(life.record.doneThrough == delete.number)
        #expect(life.record.isSettled)
        #expect(life.record.order == nil)
        #expect(life.record.terminatedAt == life.now)
    }

    @Test func whatComesAfterTheEndChangesNothing() {
        var life = Life.active()
        life.add(.delete)
        life.reportGone()
        let end = life.record
        life.report()
        #expect(life.record == end)
        life.tick()
        #expect(life.record == end)
        #expect(life.effects == .none)
    }

    @Test func aDeleteIsNeverLateAndNeverGivenUp() {
        var life = Life.active()
        life.add(.delete)
        #expect(life.record.due == nil)
        life.report(failure: "The disk is busy.")
        life.pass(.seconds(100_000))
        life.tick()
        #expect(life.state(of: 2) == .running)
        #expect(life.record.order?.desired == .destroyed)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
    }

    @Test func twoDeletesAreOne() {
        var life = Life.active()
        life.add(.delete)
        let ordered = life.record.orderRevision
        life.add(.delete)
        #expect(life.record.orderRevision == ordered)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
    }

    @Test func aDeleteDuringTheUndoingOfABuildWaitsForTheSameEnd() {
        var life = Life.building()
        life.report(.noState, .absent, applied: 0, failure: "No disk.")
        let undoing = life.record.orderRevision
        life.add(.delete)
        #expect(life.record.orderRevision == undoing, "it is being destroyed already")
        life.reportGone()
        #expect(life.record.vmState == .deleted)
        #expect(life.effects.releasesClaim)
        #expect(!life.effects.seeksHost)
    }

    @Test func aDeleteOfAServerThatSeeksAHostEndsAtOnce() {
        var life = Life.building()
        life.report(.noState, .absent, applied: 0, failure: "No disk.")
        life.reportGone()
        life.add(.delete)
        #expect(life.record.vmState == .deleted)
    }
}
