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

    package init(server: ServerID, epoch: PlacementEpoch, image: ImageID, host: HostName) {
        self.server = server
        self.epoch = epoch
        self.image = image
        self.host = host
    }
}

/// Where the image is, and the signed leave to fetch it.
package struct ImageGrant: Codable, Sendable, Hashable {
    /// `https://…/v2/images/<id>/file`, reachable from the region.
    package var url: String
    /// Sent as `X-Meridian-Grant`.
    package var grant: String
    package var expires: Timestamp

    package init(url: String, grant: String, expires: Timestamp) {
        self.url = url
        self.grant = grant
        self.expires = expires
    }
}
