import CloudModel

extension GlanceService {
    /// How often a change is tried again because somebody else changed the image in between.
    private static let attempts = 5

    /// Makes all changes of a PATCH, or none.
    func update(_ id: ImageID, with patch: ImagePatch, by caller: ImageCaller) async throws -> Image {
        for _ in 0..<Self.attempts {
            let image = try await image(id, to: .change, by: caller)
            let wanted = try patch.applied(to: image, by: caller)
            if let changed = try await images.replace(wanted, at: .now()) { return changed }
        }
        throw CloudError(.conflict, "The image is being changed by others at the same time. Try again.", retryAfter: 1)
    }

    func addTag(_ tag: String, to id: ImageID, by caller: ImageCaller) async throws {
        try Image.requireTag(tag)
        let image = try await image(id, to: .change, by: caller)
        guard image.tags.contains(tag) || image.tags.count < Image.tagLimit else {
            throw CloudError(.tooLarge, "The limit has been exceeded on the number of allowed image tags: \(Image.tagLimit).")
        }
        guard try await images.addTag(tag, to: id, at: .now()) else { throw Self.missing(id.description) }
    }

    func removeTag(_ tag: String, from id: ImageID, by caller: ImageCaller) async throws {
        _ = try await image(id, to: .change, by: caller)
        guard try await images.removeTag(tag, from: id, at: .now()) else {
            throw CloudError(.notFound, "The image \(id) has no tag \(tag).")
        }
    }
}
