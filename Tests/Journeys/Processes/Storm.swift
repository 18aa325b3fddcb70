import CloudModel
import Foundation
import ProcessFederation
import Testing

/// Boots servers, several at a time, and remembers which were accepted.
struct Storm {
    let tenant: Tenant
    let image: String

    /// Returns the names of the accepted servers by their ids, without those that were deleted at once: one in `deletingOneIn`.
    func boot(
        _ count: Int, named prefix: String = "storm", concurrency: Int = 12, zone: String? = nil, deletingOneIn: Int = .max
    ) async throws -> [String: String] {
        try await withThrowingTaskGroup(of: (String, String)?.self) { group in
            var accepted: [String: String] = [:]
            var next = 0
            func add() {
                let name = "\(prefix)-\(next)"
                next += 1
                let isDeleted = next % deletingOneIn == 0
                group.addTask {
                    let id = try await tenant.boot(name, image: image, zone: zone)
                    guard isDeleted else { return (id, name) }
                    try await tenant.delete(id)
                    return nil
                }
            }
            while next < min(count, concurrency) { add() }
            for try await booted in group {
                if let (id, name) = booted { accepted[id] = name }
                if next < count { add() }
            }
            return accepted
        }
    }
}

extension SeededRandom {
    /// Another seed each time, or the one in `MERIDIAN_SEED`.
    static func chosenSeed() -> UInt64 {
        ProcessInfo.processInfo.environment["MERIDIAN_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...1_000_000)
    }
}
