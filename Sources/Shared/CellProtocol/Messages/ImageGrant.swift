package import CloudModel

/// Host → conductor → hub: let me fetch the image of a server that I build. The hub signs only for a server whose mapping is in
/// the asking cell and whose image it is.
package struct AskForImageGrant: CellCall {
    package static let kind = "ask-for-image-grant/1"
    package typealias Reply = ImageGrant

    package var server: ServerID
    package var epoch: PlacementEpoch
    package var image: ImageID
    /// Filled in by the conductor from the name of the link, whatever the host wrote.
    package var host: HostName
    /// The public half of the asking process's image key, base64url of 32 bytes, which the hub signs into the grant. Optional on the wire
    /// only: the hub refuses a question without it.
    package var hostKey: String?

    package init(server: ServerID, epoch: PlacementEpoch, image: ImageID, host: HostName, hostKey: String?) {
        self.server = server
        self.epoch = epoch
        self.image = image
        self.host = host
        self.hostKey = hostKey
    }
}

/// Where the image is, and the signed leave to fetch it.
package struct ImageGrant: Codable, Sendable, Hashable {
    /// `https://…/v2/images/<id>/file`, reachable from the region.
    package var url: String
    /// Sent as `X-Meridian-Grant`, with the host's proof beside it as `X-Meridian-Proof`.
    package var grant: String
    package var expires: Timestamp

    package init(url: String, grant: String, expires: Timestamp) {
        self.url = url
        self.grant = grant
        self.expires = expires
    }
}
