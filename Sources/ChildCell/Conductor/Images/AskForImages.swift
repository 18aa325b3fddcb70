internal import CellProtocol
internal import CloudModel
internal import Database

/// Whether a host may fetch an image: only for a server that it is building by the cell's own order. A host that was broken into gets the
/// images of its own builds, not those of its neighbours.
struct AskForImages: Sendable {
    let database: Database

    /// - Throws: `CloudError.unavailable` where the cell doesn't know (yet): after a restore of its database a host may build by orders that
    ///   the cell is still to find again. `forbidden` where it knows better.
    func mustBeBuilding(_ question: AskForImageGrant, on host: HostName) async throws {
        let record = try await CellServerStore().read([question.server], in: database).first
        try Self.mustBeBuilding(record, question, on: host)
    }

    static func mustBeBuilding(_ record: ServerRecord?, _ question: AskForImageGrant, on host: HostName) throws(CloudError) {
        guard let record, record.epoch >= question.epoch else {
            throw CloudError(.unavailable, "The cell doesn't know that server yet.", retryAfter: 1)
        }
        if case .sought = record.build, record.epoch == question.epoch {
            throw CloudError(.unavailable, "The cell is still looking for that server's host.", retryAfter: 1)
        }
        let isBuilding = !record.isSettled && record.build == .spawning && record.desired != .destroyed
        guard record.epoch == question.epoch, record.host == host, isBuilding, record.spec.image?.id == question.image else {
            throw CloudError(
                .forbidden, "The host isn't building that server from that image.",
                detail: "\(question.server) is on \(record.host.map { "\($0)" } ?? "no host"), \(record.build)")
        }
    }
}
