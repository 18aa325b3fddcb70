import CloudModel
import ComputeRecords
import Database
import Foundation
import Keystone
import RegionConfig

/// Takes a region out of the API host's files and database.
struct RegionRemoval: Sendable {
    let region: CellName
    let etc: String
    let force: Bool
    /// Changes nothing.
    let check: Bool

    /// A region silent for so long has been stopped: twice what the production timing takes for silence.
    private static let silence = Duration.seconds(10)
    /// How long it may take to fall silent: a playbook asks right after it has stopped the conductor.
    private static let patience = Duration.seconds(30)

    /// Returns a line for everything it removed.
    func callAsFunction(in database: Database) async throws -> [String] {
        try await database.transaction { try await refuseServers(in: $0) }
        if check { return try await files() + wouldRemove(in: database) }
        if !force { try await waitForSilence(in: database) }
        // A key that an operator has put there by hand goes first: a cell that comes back in between is not let in again.
        let files = files()
        for file in files { try FileManager.default.removeItem(atPath: file) }
        let removed = try await database.transaction { try await remove(in: $0) }
        try await database.notify(ComputeChannel.enrolments)
        return files + removed
    }

    private func remove(in transaction: Transaction) async throws -> [String] {
        // Nobody places a server there between the count and the commit.
        try await transaction.query("LOCK TABLE compute.servers IN SHARE ROW EXCLUSIVE MODE")
        try await refuseServers(in: transaction)
        let catalog = try await RemoveRegion(region.rawValue)(in: transaction)
        return try await catalog + RemoveCell(region)(abandoning: force, in: transaction)
    }

    private func refuseServers(in transaction: Transaction) async throws {
        let servers = try await RemoveCell(region).servers(in: transaction)
        guard servers == 0 || force else {
            throw CloudError(
                .conflict,
                "The region \(region) still has \(servers) servers. Delete them first, or say --force to give them up.")
        }
    }

    private func waitForSilence(in database: Database) async throws {
        let end = ContinuousClock.now + Self.patience
        while let contact = try await lastContact(in: database), Timestamp.now() - contact < Self.silence {
            guard ContinuousClock.now < end else {
                throw CloudError(
                    .conflict, "The region \(region) is still in contact. Stop its conductor first (ansible/remove.yml does).")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func lastContact(in database: Database) async throws -> Timestamp? {
        try await database.transaction { try await RemoveCell(region).lastContact(in: $0) }
    }

    private func files() -> [String] {
        ["\(ProgramFolders(etc: etc).enrolled)/cell_\(region).key"].filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// The same in a transaction that is rolled back.
    private func wouldRemove(in database: Database) async throws -> [String] {
        do {
            try await database.transaction { throw Rehearsed(lines: try await remove(in: $0)) }
        } catch let rehearsed as Rehearsed {
            return rehearsed.lines
        }
        return []
    }

    private struct Rehearsed: Error { let lines: [String] }
}
