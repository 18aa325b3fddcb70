internal import CellProtocol
package import CloudModel
internal import Database

/// Signs the leave to fetch an image. Token keys live on API nodes only; the program passes the signer in.
package protocol ImageGrantSigner: Sendable {
    /// A grant for one image, bound to the server, the host's name and key, and its time. Throws `badRequest` for what is no key.
    ///
    /// - Parameter server: nil: the host fetches ahead, nobody waits.
    func grant(image: ImageID, server: ServerID?, host: HostName, hostKey: String, expires: Timestamp) throws -> String
    /// Where regions fetch the image's data.
    func url(of image: ImageID) -> String
}

/// Answers a host's question for an image: only for a server that is mapped to the asking cell, and only for its own image.
struct GrantImages: Sendable {
    /// Long enough to begin a download under load, short enough that a stolen grant is soon worth nothing.
    static let lifetime = Duration.seconds(120)

    let database: Database
    let signer: any ImageGrantSigner

    func callAsFunction(_ question: AskForImageGrant, from cell: CellName) async throws -> ImageGrant {
        guard let hostKey = question.hostKey else {
            throw CloudError(
                .badRequest,
                "A grant is bound to its host's key, and none came with the question: upgrade the conductor and the host.")
        }
        let rows = try await database.query(
            """
            SELECT 1 FROM compute.servers WHERE id = \(question.server) AND cell = \(cell) AND epoch = \(question.epoch)
                AND image_id = \(question.image) AND deleted_at IS NULL
            """)
        guard !rows.isEmpty else {
            throw CloudError(
                .forbidden, "No server of \(cell) is being built from image \(question.image) under that placement.")
        }
        let expires = Timestamp.now() + Self.lifetime
        return ImageGrant(
            url: signer.url(of: question.image),
            grant: try signer.grant(
                image: question.image, server: question.server, host: question.host, hostKey: hostKey, expires: expires),
            expires: expires)
    }
}
