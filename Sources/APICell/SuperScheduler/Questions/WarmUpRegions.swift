package import CellProtocol
package import CloudModel
internal import Database

/// The images that every project may boot. They are Glance's; the program passes them in.
package protocol ImagesOfAll: Sendable {
    /// The newest first.
    func newest(atMost limit: Int) async throws -> [ImageReference]
    /// nil: there is none of that id that everybody may boot.
    func image(_ id: ImageID) async throws -> ImageReference?
}

/// Tells a new region which images to have before somebody waits for one, and lets its hosts fetch those.
struct WarmUpRegions: Sendable {
    let database: Database
    let images: any ImagesOfAll
    let signer: any ImageGrantSigner

    /// So many of the newest images are looked at. What is older and much used is fetched at its first boot.
    private static let looked = 100

    /// What a region should have now.
    func choose() async throws -> ImagesToWarm.Reply {
        let newest = try await images.newest(atMost: Self.looked)
        guard !newest.isEmpty else { return ImagesToWarm.Reply(images: []) }
        let rows = try await database.query(
            """
            SELECT image_id, count(*) AS servers FROM compute.servers
            WHERE deleted_at IS NULL AND image_id = ANY (\(newest.map(\.id))) GROUP BY image_id
            """)
        let servers = try Dictionary(
            uniqueKeysWithValues: rows.map { (try $0.get("image_id") as ImageID, try $0.get("servers") as Int64) })
        return ImagesToWarm.Reply(images: Self.chosen(of: newest, servers: servers))
    }

    /// What most servers run on first; of those alike the newest.
    static func chosen(of newest: [ImageReference], servers: [ImageID: Int64]) -> [ImageReference] {
        let ranked = newest.enumerated().sorted { one, other in
            let (many, few) = (servers[one.element.id] ?? 0, servers[other.element.id] ?? 0)
            return many == few ? one.offset < other.offset : many > few
        }
        return ranked.prefix(ImagesToWarm.most).map(\.element)
    }

    /// The leave to fetch one. Any host of any cell may have it: it is an image that every project may download.
    func grant(_ question: AskForWarmUpGrant) async throws -> ImageGrant {
        guard let image = try await images.image(question.image) else {
            throw CloudError(.forbidden, "Image \(question.image) is not one that every project may boot.")
        }
        let expires = Timestamp.now() + GrantImages.lifetime
        return ImageGrant(
            url: signer.url(of: image.id),
            grant: try signer.grant(
                image: image.id, server: nil, host: question.host, hostKey: question.hostKey, expires: expires),
            expires: expires)
    }
}
