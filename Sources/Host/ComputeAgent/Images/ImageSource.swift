package import CellProtocol
package import CloudModel
package import Messaging
package import NIOCore

/// Where an image's bytes come from. `HTTPImageSource` in production; tests have their own.
package protocol ImageSource: Sendable {
    /// Hands over the data in pieces, in order; says who had them. Throws `CloudError`: `.unavailable` when trying again makes sense; ends
    /// soon when the task is cancelled.
    ///
    /// - Parameter verifying: the source must verify what it keeps before it sends it: what it sent before was wrong.
    func fetch(
        _ grant: ImageGrant, verifying: Bool, _ take: @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> ImageOrigin
}

/// Who had an image's bytes, in the words of the trace.
package enum ImageOrigin: String, Sendable {
    case regionCache = "the region's cache"
    case glanceThroughRegion = "Glance, through the region's cache"
    case glance = "Glance"
}

/// Who says where an image is and that this host may fetch it.
package protocol ImageGrants: Sendable {
    func grant(_ image: ImageID, for purpose: ImagePurpose) async throws -> ImageGrant
}

/// The conductor asks the hub, which signs.
package struct GrantsOfConductor: ImageGrants {
    let messenger: any Messenger
    let conductor: PeerName
    let host: HostName
    let hostKey: String

    private static let patience = Duration.seconds(5)

    /// - Parameter hostKey: the public half of the key with which the images are fetched (`HostImageKey.publicText`).
    package init(messenger: any Messenger, cell: CellName, host: HostName, hostKey: String) {
        self.messenger = messenger
        conductor = .cell(cell)
        self.host = host
        self.hostKey = hostKey
    }

    package func grant(_ image: ImageID, for purpose: ImagePurpose) async throws -> ImageGrant {
        do {
            switch purpose {
            case .build(let order):
                return try await messenger.call(
                    AskForImageGrant(server: order.server, epoch: order.epoch, image: image, host: host, hostKey: hostKey),
                    to: conductor, request: order.request, timeout: Self.patience)
            case .warmUp:
                return try await messenger.call(
                    AskForWarmUpGrant(image: image, host: host, hostKey: hostKey), to: conductor, timeout: Self.patience)
            }
        } catch let error as MessagingError {
            if case .refused(let code, let message) = error, code != .unavailable, code != .timeout {
                throw CloudError(code, message, cause: error)
            }
            throw CloudError(.unavailable, "The image can't be fetched now.", cause: error)
        }
    }
}
