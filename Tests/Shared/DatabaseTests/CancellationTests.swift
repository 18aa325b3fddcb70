import CloudModel
import CloudTestKit
import Testing

@testable import Database

struct CancellationTests {
    private func isRunning(_ marker: String, _ database: Database) async throws -> Bool {
        try await database.query(
            "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE \("%\(marker)%") AND pid <> pg_backend_pid()"
        ).count > 0
    }

    @Test func cancellingTheTaskCancelsTheStatementAndKeepsTheConnection() async throws {
        try await withDatabaseAddress { address in
            let database = Database(address, pool: PoolLimits(connections: 1), logger: .silent)
            let watcher = Database(address, pool: PoolLimits(connections: 1), logger: .silent)
            let before: Int = try await database.query("SELECT pg_backend_pid()")[0].get(at: 0)
            let clock = ContinuousClock()
            let start = clock.now
            let slow = Task { try await database.query("SELECT pg_sleep(8) AS slumber") }
            try await eventually { try await isRunning("slumber", watcher) }
            slow.cancel()
            #expect(await slow.result.isCancelled)
            #expect(clock.now - start < .seconds(5))
            try await eventually { try await !isRunning("slumber", watcher) }
            #expect(try await database.query("SELECT pg_backend_pid()")[0].get(at: 0) == before)
            await database.close()
            await watcher.close()
        }
    }

    @Test func thoseBehindACancelledStatementAreNotHarmed() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            try await database.query("SELECT 1")
            for _ in 0..<10 {
                let slow = Task { try await database.query("SELECT pg_sleep(8)") }
                try await eventually { database.pool.underWay == 1 }
                let behind = Task {
                    try await withThrowingTaskGroup(of: Int.self) { group in
                        for number in 0..<8 {
                            group.addTask { try await database.query("SELECT \(number), pg_sleep(0.001)").count }
                        }
                        return try await group.reduce(0, +)
                    }
                }
                try await eventually { database.pool.underWay >= 2 }
                slow.cancel()
                #expect(await slow.result.isCancelled)
                #expect(try await behind.value == 8)
            }
            try await database.query("SELECT 1")
        }
    }

    @Test func cancellingOneThatWaitsItsTurnLeavesTheOneBeforeAlone() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            try await database.query("SELECT 1")
            let first = Task { try await database.query("SELECT pg_sleep(0.3), 7 AS seven")[0].get("seven") as Int }
            try await eventually { database.pool.underWay == 1 }
            let second = Task { try await database.query("SELECT pg_sleep(8)") }
            try await eventually { database.pool.underWay == 2 }
            second.cancel()
            #expect(await second.result.isCancelled)
            #expect(try await first.value == 7)
        }
    }

    @Test func aCancelledTransactionIsRolledBack() async throws {
        try await withDatabase { database in
            try await database.query("CREATE TABLE things (id int)")
            let task = Task {
                try await database.transaction { transaction in
                    try await transaction.query("INSERT INTO things VALUES (1)")
                    try await transaction.query("SELECT pg_sleep(8) AS doze")
                }
            }
            try await eventually { try await isRunning("doze", database) }
            task.cancel()
            #expect(await task.result.isCancelled)
            #expect(try await database.query("SELECT * FROM things").isEmpty)
        }
    }

    @Test func aCallerInTheLineCanGiveUp() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            let lease = try await database.pool.lease(.exclusive)
            let task = Task { try await database.query("SELECT 1") }
            try await eventually { database.pool.waitingCount == 1 }
            task.cancel()
            #expect(await task.result.isCancelled)
            database.pool.release(lease)
            try await database.query("SELECT 1")
        }
    }

    @Test func aStatementAskedForByACancelledTaskIsNotSent() async throws {
        try await withDatabase { database in
            try await database.query("CREATE TABLE things (id int)")
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await database.query("INSERT INTO things VALUES (1)")
            }
            task.cancel()
            #expect(await task.result.isCancelled)
            #expect(try await database.query("SELECT * FROM things").isEmpty)
        }
    }

    @Test func theServerEndsAStatementThatRunsTooLong() async throws {
        var limits = PoolLimits(connections: 1, statementTimeout: .milliseconds(100))
        // The server's word must come before the client's patience ends, on a busy machine too.
        limits.grace = .seconds(30)
        try await withDatabase(pool: limits) { database in
            let result = await outcome { try await database.query("SELECT pg_sleep(20)") }
            #expect(result.sqlState == .queryCanceled)
            #expect(result.error?.kind == .server)
            #expect(result.error?.isConnectionLoss == false)
            #expect(database.pool.connectionCount == 1)
            try await database.query("SELECT 1")
        }
    }

    @Test func aCallerWhoseTurnDoesNotComeIsToldInTime() async throws {
        var limits = PoolLimits(connections: 1)
        limits.acquireTimeout = .milliseconds(1500)
        try await withDatabase(pool: limits) { database in
            let lease = try await database.pool.lease(.exclusive)
            let result = await outcome { try await database.query("SELECT 1") }
            #expect(result.error?.kind == .timeout)
            #expect(result.error?.isConnectionLoss == true)
            database.pool.release(lease)
            try await database.query("SELECT 1")
        }
    }
}
