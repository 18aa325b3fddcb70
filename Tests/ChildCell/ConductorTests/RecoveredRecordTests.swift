import CellProtocol
import CloudModel
import Testing

@testable import Conductor

/// What a cell writes down of a server after its database was put back, by what the API cell, the restored record and the hosts say.
@Suite struct RecoveredRecordTests {
    private let now = Timestamp(microseconds: 1_010_000_000)
    private let life = Life.building()

    private func known(_ life: Life, told: Bool = false, epoch: PlacementEpoch? = nil) -> RecoverServers.Known {
        RecoverServers.Known(
            server: life.record.id, epoch: epoch ?? life.record.epoch, spec: Life.spec,
            lastReport: told ? life.record.report : nil)
    }

    private func seen(_ host: HostName, revision: Int64 = 1) -> Sightings.Sighting {
        Sightings.Sighting(host: host, zone: "tunis", epoch: PlacementEpoch(3), revision: revision)
    }

    private func recover(
        _ known: RecoverServers.Known, held: ServerRecord?, seen: Sightings.Sighting? = nil, allSpoke: Bool = true
    ) -> ServerRecord? {
        ServerRecord.recovered(known, held: held, seen: seen, allSpoke: allSpoke, at: now)
    }

    @Test func aBuildIsWhereAHostHasItWhateverTheRecordSays() throws {
        // Since the backup its first host had failed, and the second is building it by its third order.
        let record = try #require(recover(known(life), held: life.record, seen: seen(Life.other, revision: 3)))
        #expect(record.host == Life.other)
        #expect(record.build == .spawning)
        #expect(record.orderRevision > 3, "above any order that a host may remember")
        #expect(record.holdsClaim)
    }

    @Test func aBuildThatIsWhereTheRecordSaysGoesOn() {
        #expect(recover(known(life), held: life.record, seen: seen(Life.host)) == nil, "the record stays as it is")
    }

    @Test func aBuildThatNoRecordTellsOfIsTakenFromItsHost() throws {
        let record = try #require(recover(known(life), held: nil, seen: seen(Life.host)))
        #expect(record.host == Life.host)
        #expect(record.build == .spawning)
        #expect(record.order == nil, "until its create comes again it is not built anew")
        #expect(record.isExpected(on: Life.host))
    }

    @Test func aServerThatNobodyHasAndNobodyKnowsIsLeftToItsCreate() {
        #expect(recover(known(life), held: nil) == nil)
    }

    @Test func whileAHostIsSilentNothingIsBuiltThatItMayHave() throws {
        for held in [life.record, nil] {
            var record = try #require(recover(known(life), held: held, allSpoke: false))
            #expect(record.build == .sought)
            #expect(record.host == nil)
            #expect(record.order == nil)
            #expect(!record.holdsClaim)
            _ = record.advance(at: now)
            #expect(record.vmState == .building || held != nil)
            #expect(!record.isSettled)
        }
    }

    @Test func aDeleteWaitsForTheSilentHostAndThenIsCarriedOut() throws {
        var life = life
        life.record = try #require(recover(known(life), held: nil, allSpoke: false))
        life.add(.delete, number: 2)
        #expect(life.record.vmState != .deleted)
        let effects = life.record.found(seen(Life.other), at: now)
        #expect(effects.wake == [Life.other])
        #expect(life.record.order?.desired == .destroyed)
        life.reportGone()
        #expect(life.record.vmState == .deleted)
    }

    @Test func aDeleteOfWhatTheLastHostHasNotEitherIsDone() throws {
        var life = life
        life.record = try #require(recover(known(life), held: nil, allSpoke: false))
        life.add(.delete, number: 2)
        _ = life.record.foundNowhere(at: now)
        #expect(life.record.vmState == .deleted)
    }

    @Test func aBuildThatNobodyHasLooksForAHostOnceItsCreateIsThere() throws {
        var life = life
        life.record = try #require(recover(known(life, told: true), held: nil))
        guard case .seekingHost = life.record.build else { Issue.record("\(life.record.build)"); return }
        #expect(!life.record.isSeekingHost, "without its create there is no deadline to build by")
        life.now = now
        life.add(.create, number: 1)
        #expect(life.record.isSeekingHost)
        #expect(life.effects.seeksHost)
    }

    @Test func whatIsToldOfARecoveredServerIsNewerThanWhatTheAPICellHas() throws {
        var told = life
        told.record.revision = 9
        let record = try #require(recover(known(told, told: true), held: nil, seen: seen(Life.host)))
        #expect(record.revision == 9, "saving makes it 10")
    }

    @Test func whatIsToldUnderTheSameNumberByALostRecordIsOvertaken() throws {
        // The lost record had told revision 2, and this one has come to 2 by another way.
        var (told, other) = (life, life)
        told.record.revision = 2
        other.report()
        other.record.revision = 2
        let record = try #require(recover(known(told, told: true), held: other.record))
        #expect(record.vmState == .active, "what the cell knows better stays")
        #expect(record.revision == 2, "saving makes it 3, and the API cell takes it")
        var saved = record
        saved.revision += 1
        #expect(recover(known(told, told: true), held: saved) == nil, "once is enough")
    }

    @Test func anOrderOfABuildThatTheRecordDoesNotKnowProvesARestore() {
        var life = life
        let seen = Observation(
            server: life.record.id, epoch: life.record.epoch, appliedRevision: 2, presence: .absent, power: .noState)
        #expect(life.record.isBehind(seen, from: Life.host))
        let before = life.record
        _ = life.record.take(seen, from: Life.host, at: life.now)
        #expect(life.record == before, "nothing is concluded from it but that")
        var active = Life.active()
        #expect(!active.record.isBehind(seen, from: Life.host), "a server that ran stays where it is")
        active.report(applied: 9)
        #expect(active.record.orderRevision == 9)
    }

    @Test func aRecordOfAPlacementThatWasGivenBackMakesRoomForTheLaterOne() throws {
        let later = PlacementEpoch(8)
        let sighting = Sightings.Sighting(host: Life.other, zone: "tunis", epoch: later, revision: 1)
        let record = try #require(recover(known(life, epoch: later), held: life.record, seen: sighting))
        #expect(record.epoch == later)
        #expect(record.host == Life.other)
        #expect(record.failedHosts == [])
    }

    @Test func aServerThatRanStaysWhereItRan() throws {
        var active = Life.active()
        active.record.revision = 5
        let record = try #require(recover(known(active, told: true), held: life.record))
        #expect(record.vmState == .active)
        #expect(record.host == Life.host)
        #expect(record.order?.deadline == nil, "a server that ran is not built from its image again")
    }

    @Test func aFailedBuildThatAHostStillHasIsUndone() throws {
        var failed = Life.building(deadline: .seconds(1))
        failed.pass(.seconds(2))
        failed.tick()
        failed.record.revision = 7
        let record = try #require(recover(known(failed, told: true), held: nil, seen: seen(Life.host, revision: 2)))
        #expect(record.vmState == .error)
        #expect(record.order?.desired == .destroyed)
        #expect(record.orderRevision > 2)
    }

    @Test func aBuildIsNotGivenBackForItsDeadlineWhileAHostMayHaveIt() throws {
        var life = life
        life.record = try #require(recover(known(life), held: life.record, allSpoke: false))
        life.now = now + .seconds(3_600)
        life.tick()
        #expect(life.record.vmState == .error)
        #expect(life.record.refused == nil)
        let effects = life.record.found(seen(Life.host), at: life.now)
        #expect(life.record.order?.desired == .destroyed)
        #expect(!effects.releasesClaim)
        life.reportGone()
        #expect(life.effects.releasesClaim)
    }
}

@Suite struct SightingsTests {
    @Test func ofTwoHostsTheOneWithTheLaterOrderCounts() {
        let server = ServerID.random()
        var sightings = Sightings()
        sightings.note(hello(server, ordered: 3), from: Life.other)
        sightings.note(hello(server, ordered: 2), from: Life.host)
        #expect(sightings.sighting(of: server, epoch: PlacementEpoch(3))?.host == Life.other)
        #expect(sightings.sighting(of: server, epoch: PlacementEpoch(4)) == nil)
    }

    @Test func aHostsLastWordCounts() {
        let server = ServerID.random()
        var sightings = Sightings()
        sightings.note(hello(server, ordered: 3), from: Life.host)
        sightings.note(hello(.random(), ordered: 1), from: Life.host)
        #expect(sightings.sighting(of: server, epoch: PlacementEpoch(3)) == nil)
        #expect(sightings.hosts == [Life.host])
    }

    private func hello(_ server: ServerID, ordered: Int64) -> HostHello {
        HostHello(
            inventory: HostInventory(
                size: .zero, hypervisorType: "simulated", hypervisorVersion: 1, acceleration: "simulated", traits: [],
                cachedImages: [], zone: "tunis", address: "127.0.0.1"),
            guests: [
                .init(
                    observation: Observation(
                        server: server, epoch: PlacementEpoch(3), appliedRevision: 0, presence: .building, power: .noState),
                    spec: nil, ordered: ordered)
            ], release: "0.1")
    }
}
