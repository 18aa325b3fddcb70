import CellProtocol
import CloudModel
import Database
import Feeds
import Synchronization
import Testing

/// A feed over real PostgreSQL: whatever commits when, whoever dies or is restored, the receiver ends with every object.
@Suite(.timeLimit(.minutes(3))) struct FeedTests {
    @Test func aTransactionThatStaysOpenWhileOthersCommitLosesNothing() async throws {
        try await FeedFixture.with { feed in
            let slow = servers(1)
            let (written, mayCommit) = (Door(), Door())
            async let transaction: Void = feed.database.transaction { transaction in
                defer { written.open() }
                try await FeedFixture.change(slow, in: transaction)
                written.open()
                await mayCommit.pass()
            }
            await written.pass()
            let quick = servers(5)
            for one in quick {
                try await feed.change([one])
                try await feed.catchUp()
            }
            #expect(await feed.receiver.taken == quick)
            mayCommit.open()
            try await transaction
            try await feed.catchUp()
            #expect(await feed.receiver.taken == quick + slow)
        }
    }

    @Test func anObjectThatChangedOftenIsToldOnce() async throws {
        try await FeedFixture.with { feed in
            let one = servers(1)
            for _ in 0..<10 { try await feed.change(one) }
            try await feed.catchUp()
            #expect(await feed.receiver.taken == one)
            try await feed.change(one)
            try await feed.catchUp()
            #expect(await feed.receiver.taken == one + one)
        }
    }

    @Test func aSenderThatForgotWhereTheReceiverStandsTakesItsWord() async throws {
        try await FeedFixture.with { feed in
            try await feed.change(servers(3))
            try await feed.catchUp()
            let stands = try await feed.receiver.position()
            let more = servers(2)
            try await feed.change(more)
            #expect(try await feed.sender().catchUp(from: .start) == .upToDate(try await feed.receiver.position()))
            #expect(await feed.receiver.taken.count == 5)
            #expect(await feed.receiver.batches.last?.from == stands)
            #expect(Set(await feed.receiver.taken.suffix(2)) == Set(more))
        }
    }

    /// What a message takes is bytes; how many objects that are lies with those who write them.
    @Test func aRunThatIsTooLongGoesInHalvesAndWhatIsTooLongAloneIsPassedOver() async throws {
        try await FeedFixture.with { feed in
            let all = servers(20)
            try await feed.change(all)
            let passed = PassedOver()
            let giant = all[7].description
            let sender = FeedSender(
                feed.log, load: { $0.compactMap { ServerID($0.id) }.map { .attributes(FeedFixture.attributes($0)) } },
                send: { batch in
                    let isGiant = batch.changes.contains {
                        if case .attributes(let one) = $0 { one.server.description == giant } else { false }
                    }
                    guard batch.changes.count <= 4, !isGiant else { throw TooLong() }
                    return try await feed.receiver.take(batch)
                }, passedOver: { object, _ in passed.note(object.id) })
            #expect(try await sender.catchUp(from: .start) == .upToDate(try await feed.receiver.position()))
            #expect(Set(await feed.receiver.taken) == Set(all).subtracting([all[7]]))
            #expect(await feed.receiver.taken.count == 19)
            #expect(passed.ids == [giant])
            // And it goes on.
            let next = servers(2)
            try await feed.change(next)
            try await feed.catchUp()
            #expect(Set(await feed.receiver.taken.suffix(2)) == Set(next))
        }
    }

    private struct TooLong: SendingError { var isTooLarge: Bool { true } }

    private final class PassedOver: Sendable {
        private let noted = Mutex<[String]>([])
        func note(_ id: String) { noted.withLock { $0.append(id) } }
        var ids: [String] { noted.withLock { $0 } }
    }

    @Test func aBatchThatComesTwiceIsStoredOnce() async throws {
        try await FeedFixture.with { feed in
            try await feed.change(servers(2))
            try await feed.catchUp()
            let batch = try #require(await feed.receiver.batches.last)
            #expect(try await feed.receiver.take(batch) == batch.to)
            #expect(await feed.receiver.batches.count == 1)
        }
    }

    @Test func aBatchThatLeavesAGapIsNotStored() async throws {
        try await FeedFixture.with { feed in
            try await feed.change(servers(1))
            try await feed.catchUp()
            let stands = try await feed.receiver.position()
            let early = FeedBatch(
                from: FeedPosition(number: stands.number + 1, mark: 5), to: FeedPosition(number: stands.number + 2, mark: 6),
                changes: [])
            #expect(try await feed.receiver.take(early) == stands)
            let fromTheStart = FeedBatch(from: .start, to: FeedPosition(number: 9, mark: 9), changes: [])
            #expect(try await feed.receiver.take(fromTheStart) == stands)
            #expect(try await feed.receiver.position() == stands)
        }
    }

    @Test func aSnapshotTravelsInRunsAndResumesInTheMiddle() async throws {
        try await FeedFixture.with { feed in
            let all = servers(FeedLog.largestRun * 2 + 150)
            try await feed.change(all)
            try await feed.catchUp()
            #expect(await feed.receiver.batches.map(\.changes.count) == [FeedLog.largestRun, FeedLog.largestRun, 150])
            #expect(Set(await feed.receiver.taken) == Set(all))
            #expect(await feed.receiver.taken.count == all.count)
            // A receiver whose link broke after the first run stands in the middle of what was one commit.
            let fresh = Receiver(database: feed.database)
            try await feed.database.query("DELETE FROM receiver.feed_cursors")
            _ = try await fresh.take(await feed.receiver.batches[0])
            let middle = try await fresh.position()
            #expect(try await feed.log.knows(middle))
            let sender = FeedSender(
                feed.log, load: { $0.compactMap { ServerID($0.id) }.map { .attributes(FeedFixture.attributes($0)) } }
            ) {
                try await fresh.take($0)
            } passedOver: { _, _ in
            }
            guard case .upToDate = try await sender.catchUp(from: middle) else {
                Issue.record("the middle of a run is a stranger")
                return
            }
            #expect(Set(await fresh.taken) == Set(all))
        }
    }

    @Test func whatChangesWhileRunsAreOnTheirWayIsToldToo() async throws {
        try await FeedFixture.with { feed in
            let all = servers(FeedLog.largestRun + 10)
            try await feed.change(all)
            let late = servers(1)
            let sender = FeedSender(
                feed.log, load: { $0.compactMap { ServerID($0.id) }.map { .attributes(FeedFixture.attributes($0)) } },
                send: { batch in
                    // Changed again after it was read: its number moves behind this run.
                    if batch.from == .start { try await feed.change([all[0]] + late) }
                    return try await feed.receiver.take(batch)
                }, passedOver: { _, _ in })
            _ = try await sender.catchUp(from: .start)
            try await feed.catchUp()
            #expect(Set(await feed.receiver.taken) == Set(all + late))
            #expect(await feed.receiver.taken.filter { $0 == all[0] }.count == 2)
        }
    }

    @Test func manyPublishersAndWritersGiveEachChangeItsNumber() async throws {
        try await FeedFixture.with { feed in
            let all = servers(120)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for start in stride(from: 0, to: all.count, by: 10) {
                    group.addTask { for one in all[start..<start + 10] { try await feed.change([one]) } }
                }
                for _ in 0..<3 { group.addTask { for _ in 0..<15 { _ = try await feed.log.number() } } }
                try await group.waitForAll()
            }
            try await feed.catchUp()
            #expect(Set(await feed.receiver.taken) == Set(all))
            let row = try #require(
                try await feed.database.query(
                    """
                    SELECT count(*) AS objects, count(DISTINCT number) AS numbers, max(number) AS last, (SELECT number FROM sender.feed_heads) AS head
                    FROM sender.feed_objects
                    """
                ).first)
            #expect(try row.get("objects") as Int64 == 120)
            #expect(try row.get("numbers") as Int64 == 120)
            #expect(try row.get("last") as Int64 == row.get("head") as Int64)
        }
    }
}

/// Feeds of which one end was restored from a backup.
@Suite struct RewoundFeedTests {
    @Test func aSenderThatWasRestoredResumesBehindWhatTheReceiverHas() async throws {
        try await FeedFixture.with { feed in
            let kept = servers(3)
            try await feed.change(kept)
            _ = try await feed.log.number()
            // The receiver has stored changes that this sender's database has lost.
            let stands = FeedPosition(number: 500, mark: 77)
            _ = try await feed.receiver.take(FeedBatch(from: .start, to: stands, changes: []))
            #expect(try await !feed.log.knows(stands))
            try await feed.log.resume(behind: stands)
            #expect(try await feed.log.knows(stands))
            try await feed.catchUp()
            #expect(Set(await feed.receiver.taken) == Set(kept))
            let end = try await feed.receiver.position()
            #expect(end.number > stands.number)
            #expect(try await feed.log.knows(end))
            let more = servers(1)
            try await feed.change(more)
            try await feed.catchUp()
            #expect(await feed.receiver.taken.last == more[0])
        }
    }

    @Test func aSenderThatLostEverythingResumesToo() async throws {
        try await FeedFixture.with { feed in
            let stands = FeedPosition(number: 40, mark: 4)
            _ = try await feed.receiver.take(FeedBatch(from: .start, to: stands, changes: []))
            #expect(try await !feed.log.knows(stands))
            try await feed.log.resume(behind: stands)
            try await feed.catchUp()
            #expect(try await feed.log.knows(try await feed.receiver.position()))
            // Restored a second time before anything was told.
            try await feed.log.resume(behind: stands)
            try await feed.catchUp()
            #expect(try await feed.log.knows(try await feed.receiver.position()))
            let one = servers(1)
            try await feed.change(one)
            try await feed.catchUp()
            #expect(await feed.receiver.taken == one)
        }
    }

    @Test func aReceiverThatNamesAStrangePositionOnTheWayIsAStranger() async throws {
        try await FeedFixture.with { feed in
            try await feed.change(servers(1))
            let strange = FeedPosition(number: 9_000, mark: 1)
            let sender = FeedSender(feed.log, load: { _ in [] }, send: { _ in strange }, passedOver: { _, _ in })
            #expect(try await sender.catchUp(from: .start) == .stranger(strange))
        }
    }

    @Test func aReceiverThatWasRestoredIsNoStrangerAndGetsWhatItLost() async throws {
        try await FeedFixture.with { feed in
            let (first, second, third) = (servers(3), servers(3), servers(3))
            try await feed.change(first)
            try await feed.catchUp()
            let backup = try await feed.receiver.position()
            for more in [second, third] {
                try await feed.change(more)
                try await feed.catchUp()
            }
            try await feed.database.query("UPDATE receiver.feed_cursors SET number = \(backup.number), mark = \(backup.mark)")
            #expect(try await feed.log.knows(backup))
            let before = await feed.receiver.taken.count
            try await feed.catchUp()
            #expect(Set(await feed.receiver.taken.dropFirst(before)) == Set(second + third))
        }
    }

    @Test func aPositionWithAnotherMarkIsUnknown() async throws {
        try await FeedFixture.with { feed in
            try await feed.change(servers(3))
            try await feed.catchUp()
            let stands = try await feed.receiver.position()
            #expect(try await !feed.log.knows(FeedPosition(number: stands.number, mark: stands.mark &+ 1)))
            #expect(try await feed.log.knows(.start))
        }
    }
}
