import CloudTestKit
import Testing

@testable import Database

struct MigrationTests {
    private let first = [
        Migration("make-things", "CREATE TABLE compute.things (id int PRIMARY KEY); INSERT INTO compute.things VALUES (1);")
    ]
    private var both: [Migration] { first + [Migration("name-things", "ALTER TABLE compute.things ADD COLUMN name text")] }

    @Test func eachMigrationRunsOnceInOrder() async throws {
        try await withDatabase { database in
            #expect(try await database.appliedMigrations(schema: "compute") == [])
            try await database.migrate(first, schema: "compute")
            try await database.migrate(both, schema: "compute")
            try await database.migrate(both, schema: "compute")
            #expect(try await database.appliedMigrations(schema: "compute") == ["make-things", "name-things"])
            #expect(try await database.query("SELECT id, name FROM compute.things").count == 1)
        }
    }

    @Test func manyProcessesAtOnceRunEachMigrationOnce() async throws {
        try await withDatabaseAddress { address in
            let migrations = both
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let database = Database(address, pool: PoolLimits(connections: 2), logger: .silent)
                        try await database.migrate(migrations, schema: "compute")
                        let count: Int = try await database.query("SELECT count(*) FROM compute.things")[0].get(at: 0)
                        #expect(count == 1)
                        await database.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aMigrationThatFailsLeavesNothingBehindAndCanBeRepeated() async throws {
        try await withDatabase { database in
            let broken = first + [Migration("break", "CREATE TABLE compute.half (id int); SELECT 1 / 0;")]
            let result = await outcome { try await database.migrate(broken, schema: "compute") }
            #expect(result.error?.kind == .server)
            #expect(try await database.appliedMigrations(schema: "compute") == ["make-things"])
            #expect(await outcome { try await database.query("TABLE compute.half") }.sqlState == .undefinedTable)
            try await database.migrate(first + [Migration("break", "CREATE TABLE compute.half (id int)")], schema: "compute")
            #expect(try await database.query("TABLE compute.half").isEmpty)
        }
    }

    @Test func twoOfTheSameNameAreRefused() async throws {
        try await withDatabase { database in
            let result = await outcome { try await database.migrate(first + first, schema: "compute") }
            #expect(result.error?.kind == .misuse)
        }
    }

    @Test func aScriptRunsAsAWhole() async throws {
        try await withDatabase { database in
            let result = await outcome { try await database.execute(script: "CREATE TABLE half (id int); SELECT 1 / 0") }
            #expect(result.sqlState == SQLState(rawValue: "22012"))
            #expect(await outcome { try await database.query("TABLE half") }.sqlState == .undefinedTable)
            _ = await outcome { try await database.execute(script: "BEGIN; CREATE TABLE half (id int); COMMIT; SELECT 1 / 0") }
            let rows = try await database.query("TABLE half")
            #expect(rows.isEmpty)
        }
    }
}
