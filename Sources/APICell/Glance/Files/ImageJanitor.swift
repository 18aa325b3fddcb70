import CloudModel
import Foundation
import Logging
import Observability

/// Cleans up after processes that died: uploads that nobody carries on become killed, parts and files of images that are gone are
/// removed. Takes no input and repeats itself harmlessly. A file whose image it doesn't know it keeps: absence is never an order.
extension GlanceService {
    /// Rows looked at in one sweep; the rest waits for the next.
    private static let rowsPerSweep = 200

    func sweep() async throws {
        for (image, upload) in try await uploads.unfinished(limit: Self.rowsPerSweep) where files.isDead(upload, of: image) {
            if try await uploads.fail(upload, of: image, at: .now()) {
                log.warning("dead upload killed", metadata: [.image: "\(image)"])
            }
        }
        for (image, upload) in try await uploads.filesToRemove(limit: Self.rowsPerSweep)
        where upload.map({ files.isDead($0, of: image) }) ?? true {
            try await removeFile(of: image)
        }
        let parts = try files.removeDeadParts()
        if parts > 0 { log.info("dead parts removed", metadata: [.count: "\(parts)"]) }
    }
}
