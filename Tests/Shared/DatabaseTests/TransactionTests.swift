import CloudModel
import CloudTestKit
import Testing

@testable import Database

@Suite(.timeLimit(.minutes(3))) struct TransactionTests {
    private struct Refusal: Error {}

    private func withThings(_ body: (Database) async throws -> Void) async throws {
        try await withDatabase { database in
            try await database.execute(
                script: "CREATE TABLE things (id int PRIMARY KEY, n int NOT NULL); INSERT INTO things VALUES (1, 0), (2, 0)")
            try await body(database)
        }
    }

    private func sum(_ database: Database) async throws -> Int {
        try await database.query("SELECT sum(n) FROM things")[0].get(at: 0)
    }

    @Test func whatABodyReturnedIsCommitted() async throws {
        try await withThings { database in
            let affected = try await database.transaction { transaction in
                try await transaction.query("UPDATE things SET n = n + \(1)")
                return try await transaction.query("UPDATE things SET n = n + \(1) WHERE id = 1").affected
            }
            #expect(affected == 1)
            #expect(try await sum(database) == 3)
        }
    }

    @Test func whatABodyThrewIsRolledBack() async throws {
        try await withThings { database in
            await #expect(throws: Refusal.self) {
                try await database.transaction { transaction in
                    try await transaction.query("UPDATE things SET n = 7")
                    throw Refusal()
                }
            }
            let left = try await sum(database)
            #expect(left == 0)
        }
    }

    @Test func anErrorThatTheBodySwallowsStillRollsBack() async throws {
        try await withThings { database in
            let result = await outcome {
                try await database.transaction { transaction in
                    try await transaction.query("UPDATE things SET n = 7")
                    _ = await outcome { try await transaction.query("INSERT INTO things VALUES (1, 1)") }
                }
            }
            #expect(result.sqlState == .uniqueViolation)
            let left = try await sum(database)
            #expect(left == 0)
        }
    }

    @Test func aPipelineInATransactionGivesEachResult() async throws {
        try await withThings { database in
            let results = try await database.transaction { transaction in
                try await transaction.pipeline(["SELECT 1", "UPDATE things SET n = 2", "SELECT sum(n) FROM things"])
            }
            #expect(results.map(\.count) == [1, 0, 1])
            #expect(try results[2][0].get(at: 0) == 4)
            let failed = await outcome {
                try await database.transaction { transaction in
                    try await transaction.pipeline(["UPDATE things SET n = 9", "SELECT 1 / 0", "SELECT 1"])
                }
            }
            #expect(failed.sqlState == SQLState(rawValue: "22012"))
            #expect(try await sum(database) == 4)
        }
    }

    @Test func rivalsInSerializableIsolationAreRetriedUntilAllSucceed() async throws {
        try await withThings { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await database.transaction(.serializable) { transaction in
                            let n: Int = try await transaction.query("SELECT sum(n) FROM things")[0].get(at: 0)
                            try await transaction.query("UPDATE things SET n = \(n + 1) WHERE id = 1")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await sum(database) == 3)
        }
    }

    @Test func aDeadlockIsResolvedByRetrying() async throws {
        try await withThings { database in
            let meeting = Meeting(of: 2)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (first, second) in [(1, 2), (2, 1)] {
                    group.addTask {
                        try await database.transaction { transaction in
                            try await transaction.query("SET LOCAL deadlock_timeout = '20ms'")
                            try await transaction.query("UPDATE things SET n = n + 1 WHERE id = \(first)")
                            await meeting.arrive()
                            try await transaction.query("UPDATE things SET n = n + 1 WHERE id = \(second)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await sum(database) == 4)
        }
    }

    @Test func withoutRetryingTheLoserIsTold() async throws {
        try await withThings { database in
            let meeting = Meeting(of: 2)
            let rival: @Sendable () async -> Result<Void, any Error> = {
                await outcome {
                    try await database.transaction(.repeatableRead, retrying: false) { transaction in
                        try await transaction.query("SELECT * FROM things")
                        await meeting.arrive()
                        try await transaction.query("UPDATE things SET n = n + 1")
                    }
                }
            }
            async let one = rival()
            async let other = rival()
            let states = await [one.sqlState, other.sqlState]
            #expect(states.filter { $0 == .serializationFailure }.count == 1)
            #expect(states.filter { $0 == nil }.count == 1)
        }
    }

    @Test func aCallerInATransactionCanStillQueryOutsideIt() async throws {
        try await withDatabase(pool: PoolLimits(connections: 2)) { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await database.transaction { transaction in
                            try await transaction.query("SELECT 1")
                            try await database.query("SELECT 1")
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aTransactionIsOnlyValidInItsBody() async throws {
        try await withDatabase { database in
            let kept = try await database.transaction { transaction in
                try await transaction.query("SELECT 1")
                return transaction
            }
            let result = await outcome { try await kept.query("SELECT 1") }
            #expect(result.error?.kind == .misuse)
            try await database.transaction { _ in }  // without a statement not even BEGIN is sent
        }
    }

    @Test func whenTheConnectionBreaksTheTransactionFailsAndTheNextWorks() async throws {
        try await withThings { database in
            let result = await outcome {
                try await database.transaction { transaction in
                    try await transaction.query("UPDATE things SET n = 1")
                    let pid: Int = try await transaction.query("SELECT pg_backend_pid()")[0].get(at: 0)
                    try await database.query("SELECT pg_terminate_backend(\(Int32(pid)))")
                    try await transaction.query("UPDATE things SET n = 2")
                }
            }
            #expect(result.error?.isConnectionLoss == true)
            #expect(try await sum(database) == 0)
            try await database.transaction { try await $0.query("UPDATE things SET n = 3") }
            #expect(try await sum(database) == 6)
        }
    }
}

/// Lets its callers through once `count` have arrived; later ones, and who is cancelled, at once.
private actor Meeting {
    private var missing: Int
    private let (isComplete, complete) = AsyncStream<Void>.makeStream()

    init(of count: Int) { missing = count }

    func arrive() async {
        missing -= 1
        if missing <= 0 { complete.finish() }
        for await _ in isComplete {}
    }
}
