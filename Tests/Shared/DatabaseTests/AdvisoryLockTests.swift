import CloudTestKit
import Testing

@testable import Database

struct AdvisoryLockTests {
    @Test func onlyOneHoldsALockUntilItIsReleased() async throws {
        try await withDatabase { database in
            let lock = try #require(try await database.heldLock(1))
            #expect(try await database.heldLock(1) == nil)
            #expect(try await database.heldLock(2) != nil)
            await lock.release()
            #expect(!lock.isHeld)
            try await eventually { try await database.heldLock(1) != nil }
        }
    }

    @Test func theHolderLearnsThatItsConnectionWasLost() async throws {
        try await withDatabase { database in
            let lock = try #require(try await database.heldLock(1))
            async let lost: Void = lock.lost()
            try await database.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE '%lock'
                """)
            await lost
            #expect(!lock.isHeld)
            try await eventually { try await database.heldLock(1) != nil }
        }
    }

    @Test func waitingForTheLossCanBeCancelled() async throws {
        try await withDatabase { database in
            let lock = try #require(try await database.heldLock(1))
            let waiting = Task { await lock.lost() }
            waiting.cancel()
            await waiting.value
            #expect(lock.isHeld)
        }
    }

    /// Of this test's own database: the server has those of other tests too.
    private static let ours: SQL = """
        locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    private func sessions(_ database: Database, granted: Bool) async throws -> Int {
        try await database.query("SELECT 1 FROM pg_locks WHERE \(Self.ours) AND granted = \(granted)").count
    }

    private func endTheHolder(_ database: Database) async throws {
        try await database.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE \(Self.ours) AND granted")
    }

    @Test func whoWaitsHasTheLockWhenItsHolderGoes() async throws {
        try await withDatabase { database in
            let lock = try #require(try await database.heldLock(1))
            // Several statements long: each is ended by the server, and the next one waits.
            let waiting = Task { try await database.awaitedLock(1, patience: .milliseconds(100)) }
            try await eventually { try await sessions(database, granted: false) == 1 }
            let other = Task { try await database.awaitedLock(1) }
            try await eventually { try await sessions(database, granted: false) == 2 }
            try await endTheHolder(database)
            await lock.lost()
            // One has it, and gives it to the other.
            try await withThrowingTaskGroup(of: AdvisoryLock.self) { group in
                for task in [waiting, other] { group.addTask { try await task.value } }
                while let lock = try await group.next() {
                    #expect(lock.isHeld)
                    await lock.release()
                }
            }
            try await eventually { try await sessions(database, granted: true) == 0 }
        }
    }

    @Test func aCancelledWaitEndsAtOnceAndLeavesNobodyWaiting() async throws {
        try await withDatabase { database in
            let lock = try #require(try await database.heldLock(1))
            let waiting = Task { try await database.awaitedLock(1) }
            try await eventually { try await sessions(database, granted: false) == 1 }
            let start = ContinuousClock.now
            waiting.cancel()
            #expect(await waiting.result.isCancelled)
            #expect(ContinuousClock.now - start < .seconds(5))
            try await eventually { try await sessions(database, granted: false) == 0 }
            #expect(lock.isHeld)
        }
    }

    @Test func aLockThatWasWaitedForIsLostLikeAnyOther() async throws {
        try await withDatabase { database in
            let lock = try await database.awaitedLock(1)
            try await endTheHolder(database)
            await lock.lost()
            #expect(!lock.isHeld)
        }
    }

    @Test func aLockNobodyKeepsIsReleased() async throws {
        try await withDatabase { database in
            _ = try await database.heldLock(1)
            try await eventually { try await database.heldLock(1) != nil }
        }
    }

    @Test func theServerAsksTheHoldersMachineForSignsOfLife() {
        let database = Database(DatabaseAddress(conninfo: "host=192.0.2.1"), logger: .silent)
        let keepalive = [
            "tcp_keepalives_idle=5", "tcp_keepalives_interval=2", "tcp_keepalives_count=3", "tcp_user_timeout=10000",
        ]
        for purpose in ["lock", "listen"] {
            #expect(database.companionSettings(purpose).ofServer.suffix(4) == keepalive[...])
        }
        #expect(database.settings.ofServer.count == 2, "what a pool's connection is asked next finds out")
    }
}
