package import APIConventions
package import CloudModel

extension GlanceService {
    /// What the rest of the cloud needs to know of an image that somebody wants to boot. Throws `notFound` where the image doesn't
    /// exist for the caller.
    package func image(_ id: ImageID, for caller: Caller) async throws -> Image {
        try await visible(id, to: ImageCaller(caller: caller, policy: policy))
    }

    /// The image, or 404: what the caller may not see doesn't exist for him.
    func visible(_ id: ImageID, to caller: ImageCaller) async throws -> Image {
        guard let image = try await images.image(id) else { throw Self.missing(id.description) }
        let isMember =
            image.visibility == .shared && image.owner != caller.project && !caller.isAdmin
            ? try await members.isMember(caller.project, of: id) : false
        guard ImagePolicy.mayRead(image, caller, isMember: isMember) else { throw Self.missing(id.description) }
        return image
    }

    /// The image, for one who may do this with it.
    func image(_ id: ImageID, to action: ImagePolicy.Action, by caller: ImageCaller) async throws -> Image {
        let image = try await visible(id, to: caller)
        try ImagePolicy.require(action, of: image, caller)
        return image
    }

    static func missing(_ id: String) -> CloudError { CloudError(.notFound, "No image found with ID \(id)") }
}
