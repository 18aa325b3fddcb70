package import CloudModel

/// Conductor → hub: which images should my new region have, before somebody waits for one? A question: the answer is right at the moment
/// it is given.
package struct ImagesToWarm: CellCall {
    package static let kind = "images-to-warm/1"

    package struct Reply: Codable, Sendable, Hashable {
        /// Images that every project may boot, what most servers run on first; at most `ImagesToWarm.most`.
        package var images: [ImageReference]
        package init(images: [ImageReference]) { self.images = images }
    }

    /// What a region is told at most. More would fetch what nobody boots there; an answer of so many has under 16 KiB.
    package static let most = 8

    package init() {}
}

/// Conductor → host: have this image, nobody waits for it. Asked again until the host has it.
package struct WarmImage: CellCall {
    package static let kind = "warm-image/1"

    package struct Reply: Codable, Sendable, Hashable {
        /// Whether the host has it; otherwise it is fetching it, or is about to.
        package var isKept: Bool
        package init(isKept: Bool) { self.isKept = isKept }
    }

    package var image: ImageReference
    package init(image: ImageReference) { self.image = image }
}

/// Host → conductor → hub: let me fetch an image that I was asked to warm. The conductor passes on only what it asked of that host, and the
/// hub signs only for images that every project may boot.
package struct AskForWarmUpGrant: CellCall {
    package static let kind = "ask-for-warm-up-grant/1"
    package typealias Reply = ImageGrant

    package var image: ImageID
    /// Filled in by the conductor from the name of the link, whatever the host wrote.
    package var host: HostName
    /// The public half of the asking process's image key, base64url of 32 bytes, which the hub signs into the grant.
    package var hostKey: String

    package init(image: ImageID, host: HostName, hostKey: String) {
        self.image = image
        self.host = host
        self.hostKey = hostKey
    }
}
