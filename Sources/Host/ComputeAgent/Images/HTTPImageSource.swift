import AsyncHTTPClient
package import CellProtocol
import CloudModel
import Foundation
package import NIOCore
import NIOHTTP1
import NIOSSL
package import Tokens

/// Fetches images over HTTPS, from Glance or from the region's gateway, with the grant instead of a token.
package struct HTTPImageSource: ImageSource {
    private let client: HTTPClient
    private let key: HostImageKey
    /// The gateway's `https://address:port`; nil: where the grant says.
    private let gateway: String?

    /// From the request to the head of the answer; the times below end most of it sooner. The data that follows is bounded by the deadline of
    /// the build, and by `NearbyPatience` where it comes from the gateway.
    private static let longestWait = TimeAmount.seconds(60)

    /// Glance is behind a WAN, and there is nobody else to ask.
    private static let patience = HTTPClient.Configuration.Timeout(connect: .seconds(5), read: .seconds(30))
    /// The gateway is in the same rooms, and without it there is Glance: one that is dead costs a boot two seconds, one that hangs
    /// twelve. It gives Glance up a little sooner than that.
    private static let patienceWithGateway = HTTPClient.Configuration.Timeout(connect: .seconds(2), read: .seconds(12))

    /// - Parameters:
    ///   - authority: the PEM file of the CA that signs the API's certificates; nil: the machine's own.
    ///   - key: what the grants are bound to; its public half went with the question for them.
    ///   - gateway: the `https://address:port` of the region's gateway, to ask it instead of Glance.
    package init(authority: String?, key: HostImageKey, gateway: String? = nil) {
        self.key = key
        self.gateway = gateway
        var configuration = HTTPClient.Configuration()
        // A peer that says nothing for so long is gone; the next attempt starts anew.
        configuration.timeout = gateway == nil ? Self.patience : Self.patienceWithGateway
        configuration.redirectConfiguration = .disallow
        if let authority {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authority)
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func fetch(
        _ grant: ImageGrant, verifying: Bool, _ take: @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> ImageOrigin {
        guard let path = URLComponents(string: grant.url)?.percentEncodedPath else {
            throw CloudError(.internalError, "The image's address can't be read.", detail: grant.url)
        }
        let url = gateway.map { $0 + path } ?? grant.url
        var request = HTTPClientRequest(url: url)
        let asked = ImageRequest(method: request.method.rawValue, path: path, range: nil)
        request.headers.add(name: "X-Meridian-Grant", value: grant.grant)
        request.headers.add(name: "X-Meridian-Proof", value: try key.prove(asked, with: grant.grant))
        if verifying { request.headers.add(name: "Cache-Control", value: "no-cache") }
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: Self.longestWait)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CloudError(.unavailable, "The image can't be fetched now.", detail: url, cause: error)
        }
        switch response.status.code {
        case 200: break
        case 404, 410: throw CloudError(.notFound, "The image's data is not there any more.", detail: url)
        case 401, 403, 408, 429, 500...599:
            // A grant that ran out is asked for anew.
            throw CloudError(
                .unavailable, "The image can't be fetched now.", detail: "\(url): HTTP \(response.status.code)")
        default:
            throw CloudError(
                .internalError, "The image can't be fetched.", detail: "\(url): HTTP \(response.status.code)")
        }
        var body = response.body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do {
                piece = try await body.next()
            } catch let error as CancellationError {
                throw error
            } catch {
                throw CloudError(.unavailable, "The transfer of the image broke off.", detail: url, cause: error)
            }
            guard let piece else { break }
            try await take(piece)
        }
        guard gateway != nil else { return .glance }
        return response.headers.first(name: "X-Meridian-Cache") == "hit" ? .regionCache : .glanceThroughRegion
    }

    /// Closes its connections. Call once, last.
    package func shutdown() async throws { try await client.shutdown() }
}
