package import Database
import Foundation
package import Logging

/// Gives `body` an empty database of its own, in a PostgreSQL server that the tests of this process share.
///
/// The server is private (see `PostgresCluster`) and started by the first who asks; with `MERIDIAN_TEST_POSTGRES=<conninfo>` set, a
/// running one is used, whose user must be allowed to create databases.
package func withDatabase<R>(
    pool: PoolLimits = .default, logger: Logger = .silent, _ body: (Database) async throws -> R
) async throws -> R {
    try await withDatabaseAddress { address in
        let database = Database(address, pool: pool, logger: logger)
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }
}

/// The same, for tests that make their own clients.
package func withDatabaseAddress<R>(_ body: (DatabaseAddress) async throws -> R) async throws -> R {
    let name = "test_" + UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(16)
    if let conninfo = ProcessInfo.processInfo.environment["MERIDIAN_TEST_POSTGRES"] {
        return try await withBorrowedDatabase(named: name, of: conninfo, body)
    }
    let cluster = try await SharedCluster.only.value()
    try await cluster.createDatabase(name)
    return try await body(cluster.address(database: name))  // it goes with the cluster
}

private func withBorrowedDatabase<R>(
    named name: String, of conninfo: String, _ body: (DatabaseAddress) async throws -> R
) async throws -> R {
    let administrator = Database(DatabaseAddress(conninfo: conninfo), pool: PoolLimits(connections: 1), logger: .silent)
    try await administrator.query("CREATE DATABASE \(unsafe: name)")
    let result: Result<R, any Error>
    do {
        result = .success(try await body(DatabaseAddress(conninfo: conninfo, database: name)))
    } catch {
        result = .failure(error)
    }
    try await administrator.query("DROP DATABASE \(unsafe: name) WITH (FORCE)")
    await administrator.close()
    return try result.get()
}

/// One cluster per test process, made when first asked for.
private actor SharedCluster {
    static let only = SharedCluster()
    private var starting: Task<PostgresCluster, any Error>?

    func value() async throws -> PostgresCluster {
        if let starting { return try await starting.value }
        let task = Task { try await PostgresCluster.start() }
        starting = task
        return try await task.value
    }
}

extension Logger {
    /// Writes nothing.
    package static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
