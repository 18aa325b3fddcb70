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

    @Test func aLockNobodyKeepsIsReleased() async throws {
        try await withDatabase { database in
            _ = try await database.heldLock(1)
            try await eventually { try await database.heldLock(1) != nil }
        }
    }
}
