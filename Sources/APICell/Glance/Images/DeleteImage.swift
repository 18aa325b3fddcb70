import CloudModel
import Logging
import Observability

extension GlanceService {
    /// Deletes an image: the row first, then the file. Should the process die in between, the janitor removes the file.
    func delete(_ id: ImageID, by caller: ImageCaller) async throws {
        let image = try await self.image(id, to: .delete, by: caller)
        guard !image.isProtected else {
            throw CloudError(.forbidden, "Image \(id) is protected and cannot be deleted.")
        }
        guard try await images.markDeleted(id, at: .now()) else {
            // It became protected, or was deleted, since it was read.
            let now = try await self.image(id, to: .delete, by: caller)
            throw CloudError(.forbidden, "Image \(now.id) is protected and cannot be deleted.")
        }
        log.info("image deleted", metadata: [.image: "\(id)"])
        switch image.status {
        case .queued, .active, .deactivated, .killed: try await removeFile(of: id)
        case .saving, .deleted: break  // the upload finds the row deleted and removes its file; else the janitor does
        }
    }

    /// Removes the file of a deleted or killed image and notes that it is gone.
    func removeFile(of id: ImageID) async throws {
        try files.remove(id)
        try await uploads.markFileRemoved(id, at: .now())
    }
}
