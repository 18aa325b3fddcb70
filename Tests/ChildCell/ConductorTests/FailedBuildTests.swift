import CellProtocol
import CloudModel
import Conductor
import Testing

/// Builds that fail: every step is undone before the next host is tried.
@Suite struct FailedBuildTests {
    @Test func aFailureIsUndoneBeforeAnotherHostIsSought() {
        var life = Life.building()
        life.report(.noState, .absent, applied: 0, failure: "The disk is full.")
        #expect(life.record.build == .undoing(reason: "The disk is full."))
        #expect(life.record.order?.desired == .destroyed)
        #expect(!life.effects.seeksHost, "not while anything may be left on the first")
        #expect(life.record.holdsClaim)
        life.report(.noState, .absent, applied: life.record.orderRevision - 1)
        #expect(!life.effects.seeksHost)
        life.reportGone()
        #expect(life.effects.seeksHost)
        #expect(life.effects.releasesClaim)
        #expect(life.record.host == nil)
        #expect(life.record.failedHosts == [Life.host])
        #expect(life.record.vmState == .building, "the user sees a build that goes on")

        life.effects = life.record.claimed(Life.other, zone: "tunis", at: life.now)
        #expect(life.effects.wake == [Life.other])
        let order = life.record.order
        life.report(from: Life.host, epoch: life.record.epoch)
        #expect(life.record.vmState == .building, "the first host has no say any more")
        #expect(life.record.order == order)
        life.report()
        #expect(life.record.vmState == .active)
        #expect(life.record.host == Life.other)
        #expect(life.state(of: 1) == .done)
    }

    @Test func aFailureToldTwiceIsOne() {
        var life = Life.building()
        let first = life.record.orderRevision
        life.report(.noState, .absent, applied: 0, failure: "The disk is full.")
        let undoing = life.record
        life.report(.noState, .absent, applied: 0, failure: "The disk is full.", failed: first)
        #expect(life.record.orderRevision == undoing.orderRevision)
        #expect(life.record.failedHosts == [Life.host])
        #expect(life.record.build == undoing.build)
    }

    @Test func withoutAnotherHostItIsGivenBackAsATombstone() {
        var life = Life.building()
        life.report(.noState, .absent, applied: 0, failure: "The disk is full.")
        life.reportGone()
        life.record.refuse("The disk is full. No other host.", at: life.now)
        #expect(life.record.isSettled)
        #expect(life.record.refused == "The disk is full. No other host.")
        #expect(life.record.order == nil)
        #expect(life.record.doneThrough == 0, "the create isn't done: another cell may do it")
        let end = life.record
        life.report()
        life.tick()
        #expect(life.record == end)
    }

    @Test func aBuildThatMissesItsDeadlineEndsInErrorAndIsCleanedUp() {
        var life = Life.building(deadline: .seconds(60))
        life.pass(.seconds(61))
        life.tick()
        #expect(life.record.vmState == .error)
        #expect(life.record.fault?.message == "The server did not come up before its build deadline.")
        #expect(life.state(of: 1) == .failed)
        #expect(life.record.order?.desired == .destroyed)
        #expect(life.record.holdsClaim)
        life.reportGone()
        #expect(life.effects.releasesClaim)
        #expect(!life.effects.seeksHost)
        #expect(life.record.vmState == .error)
        #expect(!life.record.holdsClaim)
        // Only deleting is left.
        life.add(.delete)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
    }

    @Test func aGuestThatComesUpAfterItsDeadlineIsStillDestroyed() {
        var life = Life.building(deadline: .seconds(60))
        life.pass(.seconds(61))
        life.tick()
        let ordered = life.record.orderRevision
        life.report(applied: ordered - 1)
        #expect(life.record.vmState == .error)
        #expect(life.record.order?.desired == .destroyed)
    }

    @Test(arguments: [Verb.stop, .reboot, .start]) func anActionOnAFailedBuildFailsAndLeavesItsUndoing(verb: Verb) {
        var life = Life.building(deadline: .seconds(60))
        life.pass(.seconds(61))
        life.tick()
        let undoing = life.record.order
        life.add(verb)
        #expect(life.state(of: 2) == .failed)
        #expect(life.record.order?.desired == .destroyed)
        #expect(life.record.order?.revision == undoing?.revision)
        life.reportGone()
        #expect(life.effects.releasesClaim)
        life.add(verb)
        #expect(life.state(of: 3) == .failed)
        #expect(life.record.order == nil)
    }

    @Test func aServerThatWaitsForAnotherHostIsGivenBackAtItsDeadline() {
        var life = Life.building(deadline: .seconds(60))
        life.report(.noState, .absent, applied: 0, failure: "The disk is full.")
        life.reportGone()
        guard case .seekingHost = life.record.build else {
            Issue.record("\(life.record.build)")
            return
        }
        life.pass(.seconds(61))
        life.tick()
        #expect(life.record.refused != nil, "another cell may take it: the scheduler here is away")
        #expect(!life.record.isSeekingHost)
    }
}
