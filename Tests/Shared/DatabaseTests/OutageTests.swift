import CloudModel
import CloudTestKit
import Testing

@testable import Database

/// What callers see while the server is away, and that everything comes back by itself. Each test has a server of its own.
@Suite(.serialized, .timeLimit(.minutes(3))) struct OutageTests {
    private func withCluster(_ body: (PostgresCluster) async throws -> Void) async throws {
        let cluster = try await PostgresCluster.start(fsync: false)
        do {
            try await body(cluster)
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }

    private var impatient: PoolLimits {
        var limits = PoolLimits(connections: 3, statementTimeout: .milliseconds(300))
        limits.grace = .milliseconds(200)
        limits.acquireTimeout = .milliseconds(500)
        limits.connectTimeout = .milliseconds(500)
        limits.longestPause = .milliseconds(200)
        return limits
    }

    /// The first connection of an impatient client may come too late on a busy machine: asks until there is one.
    private func connect(_ database: Database) async throws {
        try await eventually { await outcome { try await database.query("SELECT 1") }.error == nil }
    }

    private func ask(_ database: Database, inTransaction: Bool) async throws {
        if inTransaction {
            try await database.transaction { try await $0.query("SELECT 1") }
        } else {
            try await database.query("SELECT 1")
        }
    }

    @Test func aKilledServerFailsWhatIsUnderWayAndIsFoundAgain() async throws {
        try await withCluster { cluster in
            var limits = PoolLimits(connections: 2)
            limits.acquireTimeout = .seconds(20)
            let database = Database(cluster.address(), pool: limits, logger: .silent)
            try await database.query("SELECT 1")
            let underWay = (0..<6).map { _ in Task { await outcome { try await database.query("SELECT pg_sleep(9)") } } }
            try await eventually { database.pool.underWay == 6 }
            // Let them reach the server, so that they count as sent.
            try await eventually { try await database.transaction { try await $0.query("SELECT 1").count == 1 } }
            await cluster.kill()
            for task in underWay {
                let result = await task.value
                #expect(result.error?.isConnectionLoss == true, "\(result)")
            }
            async let waiting = database.query("SELECT 2")  // asked for while the server is away
            try await cluster.start()
            #expect(try await waiting.count == 1)
            try await database.transaction { try await $0.query("SELECT 3") }
            await database.close()
        }
    }

    @Test func aServerThatWasRestartedWhileNobodyAskedIsNotNoticed() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), pool: PoolLimits(connections: 4), logger: .silent)
            try await database.query("SELECT 1")
            for _ in 0..<3 {
                await cluster.shutDown()
                try await cluster.start()
                try await database.transaction { try await $0.query("SELECT 1") }
                try await database.query("SELECT 1")
            }
            await database.close()
        }
    }

    @Test func aServerThatIsAwayIsReportedAsUnreachable() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), pool: impatient, logger: .silent)
            await cluster.shutDown()
            let result = await outcome { try await database.query("SELECT 1") }
            #expect(result.error?.isConnectionLoss == true)
            #expect(result.error?.message.contains("cannot be reached") == true, "\(result)")
            await database.close()
        }
    }

    @Test func aStoppedServerFailsByDeadlineAndRecovers() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), pool: impatient, logger: .silent)
            try await connect(database)
            let clock = ContinuousClock()
            await cluster.pause()
            let start = clock.now
            let results = await withTaskGroup(of: Result<Void, any Error>.self) { group in
                for number in 0..<12 {
                    group.addTask { await outcome { try await ask(database, inTransaction: number.isMultiple(of: 3)) } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(clock.now - start < .seconds(30))
            for result in results { #expect(result.error?.isConnectionLoss == true, "\(result)") }
            // Also when there is no connection any more, and for one that is cancelled.
            #expect(await outcome { try await database.query("SELECT 1") }.error?.isConnectionLoss == true)
            let cancelled = Task { try await database.query("SELECT 1") }
            cancelled.cancel()
            _ = await cancelled.result
            await cluster.resume()
            try await eventually { await outcome { try await database.query("SELECT 1") }.error == nil }
            await database.close()
        }
    }

    @Test func closingDoesNotWaitForAStoppedServer() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), pool: impatient, logger: .silent)
            try await connect(database)
            await cluster.pause()
            async let stuck = outcome { try await database.query("SELECT 1") }
            let clock = ContinuousClock()
            let start = clock.now
            await database.close()
            #expect(clock.now - start < .seconds(30))
            #expect(await stuck.error != nil)
        }
    }

    @Test func aListenerHearsAgainAfterARestart() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), logger: .silent)
            var heard = database.listen(["work"]).makeAsyncIterator()
            #expect(await heard.next() == .reconnected)
            try await database.notify("work", "one")
            #expect(await heard.next() == .notified(channel: "work", payload: "one"))
            await cluster.kill()
            try await cluster.start()
            #expect(await heard.next() == .reconnected)
            try await database.notify("work", "two")
            #expect(await heard.next() == .notified(channel: "work", payload: "two"))
            await database.close()
            #expect(await heard.next() == nil)
        }
    }

    @Test func aLockIsLostWithItsServerAlsoWhenThatIsOnlyStopped() async throws {
        try await withCluster { cluster in
            let database = Database(cluster.address(), pool: impatient, logger: .silent)
            var held: AdvisoryLock?
            try await eventually {
                held = try? await database.heldLock(7)
                return held != nil
            }
            let lock = try #require(held)
            #expect(lock.isHeld)
            await cluster.pause()
            await lock.lost()
            #expect(!lock.isHeld)
            await cluster.resume()
            try await eventually { (try? await database.heldLock(7)) != nil }
            await database.close()
        }
    }
}
