import APIConventions
import CloudModel
import Foundation

extension GlanceService {
    /// Registers an image; its data comes later. What is wrong is said by name.
    func create(_ body: JSONValue, by caller: ImageCaller) async throws -> Image {
        try ImagePolicy.requireMaking(caller)
        guard case .object(var attributes) = body else {
            throw CloudError(.badRequest, "The body of an image's create is a JSON object.")
        }
        var id = ImageID.random()
        if let wanted = attributes["id"] {
            attributes["id"] = nil
            guard case .string(let text) = wanted, let given = ImageID(text) else {
                throw CloudError(.badRequest, "Provided object does not match schema 'image': 'id': a UUID is wanted.")
            }
            id = given
        }
        let now = Timestamp.now()
        var image = Image(
            id: id, name: nil, status: .queued, visibility: .shared, owner: caller.project, isProtected: false, isHidden: false,
            diskFormat: nil, containerFormat: nil, minDisk: 0, minRAM: 0, size: nil, virtualSize: nil, checksum: nil,
            sha512: nil,
            tags: [], properties: [:], createdAt: now, updatedAt: now)
        for member in attributes.members {
            try image.set(member.key, to: member.value, by: caller)
        }
        guard try await images.insert(image) else {
            throw CloudError(.conflict, "Image ID \(id) already exists!")
        }
        return image
    }
}
