@testable import Database

/// Waits until `condition` holds, looking again every few milliseconds; throws after `limit`.
func eventually(within limit: Duration = .seconds(60), _ condition: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while try await !condition() {
        guard clock.now < end else { throw NeverHappened() }
        try await clock.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {}

/// How `body` ended, for tests that expect it to fail.
func outcome<R: Sendable>(_ body: @Sendable () async throws -> R) async -> Result<R, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
}

extension Result where Failure == any Error {
    var error: DatabaseError? {
        if case .failure(let error) = self { error as? DatabaseError } else { nil }
    }

    var sqlState: SQLState? { error?.sqlState }

    var isCancelled: Bool {
        if case .failure(is CancellationError) = self { true } else { false }
    }
}

extension Connection {
    var underWay: Int { operations.count }
}
