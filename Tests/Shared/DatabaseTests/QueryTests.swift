import CloudModel
import CloudTestKit
import Foundation
import ServiceLifecycle
import Testing

@testable import Database

struct QueryTests {
    @Test func aStatementGivesBackItsRows() async throws {
        try await withDatabase { database in
            let rows = try await database.query("SELECT n, 'row ' || n AS name FROM generate_series(1, \(3)) AS n ORDER BY n")
            #expect(rows.count == 3)
            #expect(rows.columns == ["n", "name"])
            #expect(try rows.map { try $0.get("name") as String } == ["row 1", "row 2", "row 3"])
            #expect(try rows[2].get("n") as Int == 3)
            #expect(try rows[2].get(at: rows.position("n")) as Int == 3)
        }
    }

    @Test func aChangeSaysHowManyRowsItTouched() async throws {
        try await withDatabase { database in
            try await database.query("CREATE TABLE things (id int PRIMARY KEY, name text)")
            let inserted = try await database.query("INSERT INTO things SELECT n, 'x' FROM generate_series(1, 5) AS n")
            #expect(inserted.affected == 5)
            #expect(try await database.query("UPDATE things SET name = \("y") WHERE id <= \(2)").affected == 2)
            #expect(try await database.query("DELETE FROM things WHERE id = ANY(\([1, 3, 99]))").affected == 2)
        }
    }

    @Test func aViolatedConstraintIsNamed() async throws {
        try await withDatabase { database in
            try await database.execute(
                script: """
                    CREATE TABLE things (id int CONSTRAINT things_key PRIMARY KEY, other int CONSTRAINT things_other REFERENCES things (id));
                    INSERT INTO things VALUES (1);
                    """)
            let unique = await #expect(throws: DatabaseError.self) { try await database.query("INSERT INTO things VALUES (1)") }
            #expect(unique?.sqlState == .uniqueViolation)
            #expect(unique?.constraint == "things_key")
            #expect(unique?.table == "things")
            #expect(unique?.kind == .server)
            #expect(unique?.isConnectionLoss == false)
            let foreign = await #expect(throws: DatabaseError.self) {
                try await database.query("INSERT INTO things VALUES (2, \(9))")
            }
            #expect(foreign?.sqlState == .foreignKeyViolation)
            #expect(foreign?.constraint == "things_other")
        }
    }

    @Test func aStatementWithAMistakeFailsAloneAndEachTime() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            for _ in 0..<2 {
                async let good: Int = database.query("SELECT 1").first!.get(at: 0)
                async let bad = outcome { try await database.query("SELEC 1") }
                async let bad2 = outcome { try await database.query("SELEC 1") }
                async let missing = outcome { try await database.query("SELECT * FROM nowhere") }
                async let good2: Int = database.query("SELECT 2").first!.get(at: 0)
                #expect(await bad.sqlState == .syntaxError)
                #expect(await bad2.sqlState == .syntaxError)
                #expect(await missing.sqlState == .undefinedTable)
                let sum = try await good + good2
                #expect(sum == 3)
            }
            #expect(database.pool.connectionCount == 1)
        }
    }

    @Test func manyStatementsAreUnderWayOnOneConnection() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            try await database.query("SELECT 1")
            let pids = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let row = try await database.query("SELECT pg_backend_pid() AS pid, \(number) AS number")[0]
                        #expect(try row.get("number") == number)
                        return try row.get("pid")
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(pids.count == 1)
        }
    }

    /// The second statement reaches the server while the first still runs there: otherwise the first would never end.
    @Test func theNextStatementIsSentBeforeTheLastHasEnded() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            let lease = try await database.pool.lease(.shared)
            defer { database.pool.release(lease) }
            let connection = lease.connection
            async let slow = connection.query("SELECT pg_sleep(0.2), clock_timestamp() AS ended")
            try await eventually { await connection.underWay == 1 }
            async let quick = connection.query("SELECT statement_timestamp() AS began, clock_timestamp() AS ended")
            try await eventually { await connection.underWay == 2 }
            let ended: Timestamp = try await slow[0].get("ended")
            #expect(try await quick[0].get("ended") as Timestamp >= ended)
        }
    }

    @Test func aPipelineTakesEffectAsAWholeOrNotAtAll() async throws {
        try await withDatabase { database in
            try await database.query("CREATE TABLE things (id int PRIMARY KEY)")
            let results = try await database.pipeline([
                "INSERT INTO things VALUES (\(1))", "INSERT INTO things VALUES (\(2))", "SELECT count(*) FROM things",
            ])
            #expect(results.map(\.affected) == [1, 1, 1])
            #expect(try results[2][0].get(at: 0) == 2)
            let error = await #expect(throws: DatabaseError.self) {
                try await database.pipeline(["INSERT INTO things VALUES (\(3))", "INSERT INTO things VALUES (\(1))"])
            }
            #expect(error?.sqlState == .uniqueViolation)
            #expect(try await database.query("SELECT count(*) FROM things")[0].get(at: 0) == 2)
            #expect(try await database.pipeline([]).isEmpty)
        }
    }

    @Test func moreStatementsThanTheCacheHoldsAllWork() async throws {
        var limits = PoolLimits(connections: 1)
        limits.statements = 4
        try await withDatabase(pool: limits) { database in
            for round in 0..<2 {
                for number in 0..<20 {
                    let row = try await database.query("SELECT \(unsafe: "\(number)") + \(round) AS sum")[0]
                    #expect(try row.get("sum") == number + round)
                }
            }
            let kept: Int = try await database.query("SELECT count(*) FROM pg_prepared_statements")[0].get(at: 0)
            #expect(kept <= 5)
        }
    }

    @Test func aStatementSurvivesAChangeOfItsTable() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            try await database.query("CREATE TABLE things (id int)")
            try await database.query("INSERT INTO things VALUES (1)")
            #expect(try await database.query("SELECT * FROM things").columns == ["id"])
            try await database.query("ALTER TABLE things ADD COLUMN name text DEFAULT 'new'")
            let row = try await database.query("SELECT * FROM things")[0]
            #expect(try row.get("name") == "new")
            try await database.query("DEALLOCATE ALL")
            #expect(try await database.query("SELECT * FROM things").count == 1)
        }
    }

    @Test func largeValuesTravelBothWays() async throws {
        try await withDatabase { database in
            let text = String(repeating: "0123456789abcdef", count: 500_000)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let row = try await database.query("SELECT \(text) AS text")[0]
                        #expect(try row.get("text") as String == text)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aParameterThatCannotBeWrittenHarmsNothing() async throws {
        try await withDatabase(pool: PoolLimits(connections: 1)) { database in
            let json = await outcome { try await database.query("SELECT \(json: [Double.infinity])") }
            #expect(json.error?.kind == .misuse)
            let zero = await outcome { try await database.query("SELECT \("a\0b")") }
            #expect(zero.error?.sqlState.category == "22")
            try await database.query("SELECT 1")
        }
    }

    @Test func aClosedDatabaseRefusesStatements() async throws {
        try await withDatabase { database in
            try await database.query("SELECT 1")
            await database.close()
            let error = await #expect(throws: DatabaseError.self) { try await database.query("SELECT 1") }
            #expect(error?.kind == .closed)
            await database.close()
        }
    }

    @Test func itRunsInAServiceGroupUntilToldToStop() async throws {
        try await withDatabase { database in
            let group = ServiceGroup(services: [database], logger: .silent)
            async let running: Void = group.run()
            try await database.query("SELECT 1")
            await group.triggerGracefulShutdown()
            try await running
            #expect(await outcome { try await database.query("SELECT 1") }.error?.kind == .closed)
        }
    }

    @Test func callersOnThePollThreadAreServedToo() async throws {
        try await withDatabase { database in
            let sum = try await withTaskExecutorPreference(DatabaseExecutor.shared) {
                var sum = 0
                for number in 1...50 { sum += try await database.query("SELECT \(number)")[0].get(at: 0) }
                return sum
            }
            #expect(sum == 1275)
        }
    }
}
