import CellProtocol
import CloudModel
import ComputeAgent
import Hypervisors
import Testing

@Suite struct ReconcilerTests {
    private let server = ServerID.random()
    private let start = Timestamp(microseconds: 1_000_000_000)

    private func reconciler(_ guests: [Guest] = [], builds: Int = 4) -> Reconciler {
        var reconciler = Reconciler(limits: .init(builds: builds, others: 4))
        reconciler.see(guests, since: reconciler.mark())
        return reconciler
    }

    private func order(
        _ desired: WorkOrder.Desired = .running, revision: Int64 = 1, epoch: Int64 = 7, reboot: WorkOrder.Reboot? = nil,
        building: Bool = true, of server: ServerID? = nil
    ) -> WorkOrder {
        WorkOrder(
            server: server ?? self.server, epoch: PlacementEpoch(epoch), revision: revision, desired: desired, reboot: reboot,
            spec: someSpec, action: 1, request: nil, deadline: building ? start + .seconds(600) : nil)
    }

    private func guest(_ power: PowerState = .running, applied: Int64 = 1, epoch: Int64 = 7) -> Guest {
        Guest(server: server, epoch: PlacementEpoch(epoch), appliedRevision: applied, power: power, spec: someSpec)
    }

    @Test func aMissingServerIsBuilt() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .build, order: order()))])
        #expect(reconciler.observation(of: server)?.presence == .building)
    }

    @Test func aDuplicateOrderBeginsNothingTwice() {
        var reconciler = reconciler()
        for _ in 0..<3 { reconciler.assign([order()]) }
        #expect(reconciler.decide(now: start).count == 1)
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start).isEmpty)
        reconciler.finished(server, .done(guest()), now: start)
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start).isEmpty)
    }

    @Test func whatRunsAlreadyIsAdopted() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.presence == .present)
        #expect(reconciler.observation(of: server)?.appliedRevision == 1)
    }

    @Test func aBuildThatDiedBetweenDefineAndStartIsStarted() {
        var reconciler = reconciler([guest(.shutdown, applied: 0)])
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .start, order: order()))])
    }

    @Test func aBuildThatDiedAfterStartIsOnlyWrittenDown() {
        var reconciler = reconciler([guest(.running, applied: 0)])
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .record, order: order()))])
    }

    @Test func anUnknownGuestIsKeptAndReported() {
        var reconciler = reconciler([guest()])
        reconciler.assign([])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.presence == .present)
        #expect(reconciler.holdings.map(\.spec) == [someSpec])
    }

    @Test func anOrderThatWasGivenUpLeavesTheGuestAsItIs() {
        for power in [PowerState.running, .shutdown, .crashed] {
            var reconciler = reconciler([guest(power)])
            var given = order(.stopped, revision: 3)
            given.isVoid = true
            reconciler.assign([given])
            #expect(reconciler.decide(now: start) == [.begin(.init(verb: .record, order: given))])
        }
    }

    @Test func anActionIsNotBegunAfterItsDeadline() {
        var reconciler = reconciler([guest()])
        var late = order(.stopped, revision: 2)
        late.startBefore = start
        reconciler.assign([late])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.failedRevision == 2)
    }

    @Test func whatMayYetBeBuiltHereIsSaidToo() {
        let (waiting, done) = (ServerID.random(), ServerID.random())
        var reconciler = reconciler(builds: 1)
        let orders = [order(revision: 4), order(epoch: 8, of: waiting), order(.destroyed, epoch: 9, of: done)]
        reconciler.assign(orders)
        _ = reconciler.decide(now: start)
        let held = Dictionary(uniqueKeysWithValues: reconciler.holdings.map { ($0.observation.server, $0) })
        #expect(Set(held.keys) == [server, waiting], "the one that is being built and the one that waits for its turn")
        #expect(held[server]?.ordered == 4)
        #expect(held[server]?.observation.presence == .building)
        reconciler.finished(server, .failed("The disk is full.", nil), now: start)
        #expect(!reconciler.holdings.contains { $0.observation.server == server }, "what failed for good won't come to be")
    }

    @Test func aVanishedOrderStopsNothing() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order()])
        reconciler.assign([])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.power == .running)
    }

    @Test(arguments: [WorkOrder.Desired.running, .stopped, .destroyed])
    func anOrderOfAnOlderPlacementChangesNothing(_ desired: WorkOrder.Desired) {
        var reconciler = reconciler([guest(epoch: 8)])
        reconciler.assign([order(desired, revision: 99, epoch: 7)])
        #expect(reconciler.decide(now: start).isEmpty)
        let answer = reconciler.observation(of: server)
        #expect(answer?.presence == .absent)
        #expect(answer?.epoch == PlacementEpoch(7))
        #expect((answer?.failure == nil) == (desired == .destroyed))
    }

    @Test func aLowerRevisionChangesNothing() {
        var reconciler = reconciler([guest(applied: 5)])
        reconciler.assign([order(.destroyed, revision: 4)])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.appliedRevision == 5)
    }

    @Test func aLaterPlacementTakesTheGuestOver() {
        var reconciler = reconciler([guest(applied: 5, epoch: 7)])
        reconciler.assign([order(revision: 1, epoch: 8)])
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .record, order: order(revision: 1, epoch: 8)))])
    }

    @Test func theVerbFollowsFromOrderAndPower() {
        let cases: [(WorkOrder, Guest, Reconciler.Verb)] = [
            (order(.stopped, revision: 2), guest(), .stop),
            (order(.stopped, revision: 2), guest(.shutdown), .record),
            (order(.stopped, revision: 2), guest(.crashed), .record),
            (order(.running, revision: 2), guest(.shutdown), .start),
            (order(.running, revision: 2), guest(.crashed), .start),
            (order(.running, revision: 2), guest(.paused), .start),
            (order(.running, revision: 2), guest(), .record),
            (order(.running, revision: 2, reboot: .soft), guest(), .softReboot),
            (order(.running, revision: 2, reboot: .soft), guest(.shutdown), .start),
            (order(.running, revision: 2, reboot: .hard), guest(.crashed), .hardReboot),
            (order(.destroyed, revision: 2), guest(), .destroy),
            (order(.destroyed, revision: 2), guest(.shutdown), .destroy),
        ]
        for (order, guest, verb) in cases {
            var reconciler = reconciler([guest])
            reconciler.assign([order])
            #expect(reconciler.decide(now: start) == [.begin(.init(verb: verb, order: order))])
        }
    }

    @Test func aGuestThatShutsItselfDownIsReportedAndNotStarted() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order()])
        _ = reconciler.takeChanged()
        reconciler.see(guest(.crashed), of: server, since: reconciler.mark())
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.takeChanged() == [server])
        #expect(reconciler.observation(of: server)?.power == .crashed)
    }

    @Test func deleteInterruptsABuildOnceAndThenDestroysWhatIsLeft() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        _ = reconciler.decide(now: start)
        let delete = order(.destroyed, revision: 2)
        reconciler.assign([delete])
        #expect(reconciler.decide(now: start) == [.interrupt(server)])
        #expect(reconciler.decide(now: start).isEmpty)
        reconciler.finished(server, .interrupted(guest(.shutdown, applied: 0)), now: start)
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .destroy, order: delete))])
        reconciler.finished(server, .done(nil), now: start)
        let answer = reconciler.observation(of: server)
        #expect(answer?.presence == .absent)
        #expect(answer?.appliedRevision == 2)
        #expect(answer?.failure == nil)
    }

    @Test func deleteBeforeTheBuildIsAnsweredAndLaterOrdersOfThePlacementAreNot() {
        var reconciler = reconciler()
        reconciler.assign([order(.destroyed, revision: 2)])
        #expect(reconciler.decide(now: start).count == 1)
        reconciler.finished(server, .done(nil), now: start)
        reconciler.assign([order(.running, revision: 1)])
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.failure != nil)
    }

    @Test func aBuildThatFailsIsNotTriedAgainForThatRevision() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        _ = reconciler.decide(now: start)
        reconciler.finished(server, .failed("no room", nil), now: start)
        #expect(reconciler.decide(now: start + .seconds(60)).isEmpty)
        let answer = reconciler.observation(of: server)
        #expect(answer?.failure == "no room")
        #expect(answer?.failedRevision == 1)
        #expect(answer?.presence == .absent)
        reconciler.assign([order(revision: 2)])
        #expect(reconciler.decide(now: start + .seconds(61)).count == 1)
    }

    @Test func aFailedDeleteIsTriedAgain() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order(.destroyed, revision: 2)])
        _ = reconciler.decide(now: start)
        reconciler.finished(server, .failed("stuck", guest()), now: start)
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.failure == "stuck")
        #expect(reconciler.decide(now: start + .seconds(2)).count == 1)
    }

    @Test func anUnavailableHypervisorFailsABuildOnlyAtItsDeadline() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        var now = start
        var tries = 0
        while now < start + .seconds(700) {
            for case .begin in reconciler.decide(now: now) {
                tries += 1
                reconciler.finished(server, .unavailable("libvirt is away", nil), now: now)
            }
            now = now + .seconds(1)
        }
        #expect(tries > 10 && tries < 40)
        #expect(reconciler.observation(of: server)?.failure == "libvirt is away")
    }

    @Test func aBuildPastItsDeadlineIsNotBegun() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        #expect(reconciler.decide(now: start + .seconds(600)).isEmpty)
        #expect(reconciler.observation(of: server)?.failure != nil)
    }

    @Test func aServerThatRanIsNotBuiltAnewWhenItsGuestIsGone() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order()])
        reconciler.see([], since: reconciler.mark())
        #expect(reconciler.decide(now: start).isEmpty)
        #expect(reconciler.observation(of: server)?.presence == .absent)

        var restarted = self.reconciler()
        restarted.assign([order(revision: 2, building: false)])
        #expect(restarted.decide(now: start).isEmpty)
        #expect(restarted.observation(of: server)?.presence == .absent)
    }

    @Test func atMostSoManyBuildsRunAtOnceAndTheOldestPlacementGoesFirst() {
        var reconciler = reconciler(builds: 2)
        let orders = (1...5).map { order(epoch: Int64($0), of: .random()) }
        reconciler.assign(orders.shuffled())
        let first = reconciler.decide(now: start)
        #expect(first == orders.prefix(2).map { .begin(.init(verb: .build, order: $0)) })
        let guest = Guest(server: orders[0].server, epoch: orders[0].epoch, appliedRevision: 1, power: .running, spec: someSpec)
        reconciler.finished(orders[0].server, .done(guest), now: start)
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .build, order: orders[2]))])
    }

    @Test func aListingTakenBeforeTheWorkEndedDoesNotUndoItsResult() {
        var reconciler = reconciler()
        reconciler.assign([order()])
        _ = reconciler.decide(now: start)
        let mark = reconciler.mark()
        reconciler.finished(server, .done(guest()), now: start)
        reconciler.see([], since: mark)
        #expect(reconciler.observation(of: server)?.presence == .present)
        #expect(reconciler.decide(now: start).isEmpty)
    }

    @Test func aServerNamedTwiceInOneListFollowsTheLaterOrder() {
        var reconciler = reconciler([guest()])
        reconciler.assign([order(.stopped, revision: 3), order(.running, revision: 2)])
        #expect(reconciler.decide(now: start) == [.begin(.init(verb: .stop, order: order(.stopped, revision: 3)))])
    }
}

let someSpec = ServerSpec(
    name: "s", hostname: "s", project: "p", user: "u", flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 96, disk: 1),
    image: ImageReference(id: .random(), name: "tiny", diskFormat: "qcow2", size: 1, sha512: "00"))
