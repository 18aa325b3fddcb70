import CellProtocol
import CloudModel
import Testing

@testable import Conductor

/// Which host fetches which image for a new region.
@Suite struct WarmUpPlanTests {
    private let start = Timestamp(microseconds: 1_795_210_500_000_000)
    private let images = (1...3).map {
        ImageReference(id: .random(), name: "\($0)", diskFormat: "raw", size: 100, sha512: "\($0)")
    }

    /// Whom the plan asks now; throws where it asks nobody.
    private func question(
        _ plan: inout WarmUpPlan, _ hosts: Set<HostName>, after seconds: Int = 0
    ) throws -> WarmUpPlan.Question {
        let next = plan.next(among: hosts, at: start + .seconds(seconds))
        return try #require(next)
    }

    private func plan(room: Int64 = 1_000) -> WarmUpPlan { WarmUpPlan(images, room: room) }

    @Test func oneImageAfterAnotherGoesRoundTheHosts() throws {
        var plan = plan()
        var asked: [String] = []
        while let question = plan.next(among: ["a", "b"], at: start) {
            asked.append("\(question.image.name) \(question.host)")
            plan.heard(.kept, to: question)
        }
        #expect(asked == ["1 a", "2 b", "3 a"])
        #expect(plan.isDone && plan.kept == 3 && plan.givenUp.isEmpty)
    }

    @Test func aHostThatFetchesIsAskedAgainAndNobodyElse() throws {
        var plan = plan()
        let first = try question(&plan, ["a", "b"])
        plan.heard(.fetching, to: first)
        let next = try question(&plan, ["a", "b"], after: 60)
        #expect(next == first)
        #expect(plan.asks("a", for: images[0].id))
        #expect(!plan.asks("b", for: images[0].id) && !plan.asks("a", for: images[1].id))
    }

    @Test func anotherHostFetchesWhatOneCannot() throws {
        var plan = plan()
        plan.heard(.failed, to: try question(&plan, ["a", "b"]))
        let next = try question(&plan, ["a", "b"])
        #expect(next.host == "b")
    }

    @Test func anotherHostFetchesWhatADeadOrSlowOneDoesNot() throws {
        var plan = plan()
        let first = try question(&plan, ["a", "b"])
        #expect(first.host == "a")
        let second = try question(&plan, ["b"])
        #expect(second.host == "b")
        let third = try question(&plan, ["b", "c"], after: 1_800)
        #expect(third.host == "c")
    }

    @Test func anImageThatNobodyCanFetchHoldsUpNothing() throws {
        var plan = plan()
        for _ in 0..<WarmUpPlan.mostHosts {
            plan.heard(.failed, to: try question(&plan, ["a", "b", "c", "d"]))
        }
        let next = try question(&plan, ["a", "b", "c", "d"])
        #expect(next.image == images[1])
        #expect(plan.givenUp == [images[0].id])
    }

    @Test func withFewHostsItIsGivenUpWhenAllHaveFailed() throws {
        var plan = plan()
        plan.heard(.failed, to: try question(&plan, ["a"]))
        let next = try question(&plan, ["a"])
        #expect(next.image == images[1])
    }

    @Test func aRegionWithoutHostsWaitsForOne() throws {
        var plan = plan()
        let nobody = plan.next(among: [], at: start)
        #expect(nobody == nil)
        #expect(!plan.isDone)
        let next = try question(&plan, ["a"])
        #expect(next.image == images[0])
    }

    @Test func aLateAnswerOfAnotherHostCountsForNothing() throws {
        var plan = plan()
        let first = try question(&plan, ["a", "b"])
        plan.heard(.failed, to: first)
        let second = try question(&plan, ["a", "b"])
        plan.heard(.kept, to: first)
        #expect(plan.kept == 0)
        plan.heard(.kept, to: second)
        #expect(plan.kept == 1)
    }

    @Test func whatTheCacheHasNoRoomForIsLeftOut() {
        var plan = WarmUpPlan(
            [100, 900, 50].map { ImageReference(id: .random(), name: "\($0)", diskFormat: "raw", size: $0, sha512: "00") },
            room: 160)
        var asked: [String] = []
        while let question = plan.next(among: ["a"], at: start) {
            asked.append(question.image.name)
            plan.heard(.kept, to: question)
        }
        #expect(asked == ["100", "50"])
    }

    @Test func withoutImagesItIsDone() {
        #expect(WarmUpPlan([], room: 1_000).isDone)
    }
}
