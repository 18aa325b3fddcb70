import CloudModel
import Testing

@testable import SuperScheduler

/// Who is silent is judged by how long this process has waited.
@Suite struct CellWatchTests {
    private let start = ContinuousClock.now

    @Test func aFreshProcessJudgesNobodyBeforeItHasWaited() {
        var watch = CellWatch(silentAfter: .seconds(5))
        #expect(watch.look(at: ["tunis": .silent], at: start).silent == [])
        #expect(watch.look(at: ["tunis": .silent], at: start + .seconds(5)).silent == [])
        let seen = watch.look(at: ["tunis": .silent], at: start + .seconds(6))
        #expect(seen.silent == ["tunis"])
        #expect(seen.changes == [.init(cell: "tunis", isSilent: true)])
    }

    @Test func aChangeIsToldOnce() {
        var watch = CellWatch(silentAfter: .seconds(5))
        #expect(watch.look(at: ["tunis": .inContact], at: start).changes == [.init(cell: "tunis", isSilent: false)])
        #expect(watch.look(at: ["tunis": .suspect], at: start + .seconds(6)).changes == [])
        #expect(watch.look(at: ["tunis": .silent], at: start + .seconds(7)).changes == [.init(cell: "tunis", isSilent: true)])
        #expect(watch.look(at: ["tunis": .silent], at: start + .seconds(8)) == (["tunis"], []))
        #expect(watch.look(at: ["tunis": .inContact], at: start + .seconds(9)) == ([], [.init(cell: "tunis", isSilent: false)]))
    }
}
