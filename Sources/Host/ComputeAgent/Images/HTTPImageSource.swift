import AsyncHTTPClient
package import CellProtocol
import CloudModel
import Foundation
package import NIOCore
import NIOHTTP1
import NIOSSL
package import Tokens

/// Fetches images from Glance over HTTPS, with the grant instead of a token.
package struct HTTPImageSource: ImageSource {
    private let client: HTTPClient
    private let key: HostImageKey

    /// For the whole transfer. A build's own deadline is shorter.
    private static let longestTransfer = TimeAmount.minutes(60)

    /// - Parameters:
    ///   - authority: the PEM file of the CA that signs the API's certificates; nil: the machine's own.
    ///   - key: what the grants are bound to; its public half went with the question for them.
    package init(authority: String?, key: HostImageKey) {
        self.key = key
        var configuration = HTTPClient.Configuration()
        // A peer that says nothing for so long is gone; the next attempt starts anew.
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(30))
        configuration.redirectConfiguration = .disallow
        if let authority {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authority)
            configuration.tlsConfiguration = tls
        }
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func fetch(_ grant: ImageGrant, _ take: @Sendable (ByteBuffer) async throws -> Void) async throws {
        var request = HTTPClientRequest(url: grant.url)
        guard let path = URLComponents(string: grant.url)?.percentEncodedPath else {
            throw CloudError(.internalError, "The image's address can't be read.", detail: grant.url)
        }
        let asked = ImageRequest(method: request.method.rawValue, path: path, range: nil)
        request.headers.add(name: "X-Meridian-Grant", value: grant.grant)
        request.headers.add(name: "X-Meridian-Proof", value: try key.prove(asked, with: grant.grant))
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: Self.longestTransfer)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CloudError(.unavailable, "The image can't be fetched now.", detail: grant.url, cause: error)
        }
        switch response.status.code {
        case 200: break
        case 404, 410: throw CloudError(.notFound, "The image's data is not there any more.", detail: grant.url)
        case 401, 403, 408, 429, 500...599:
            // A grant that ran out is asked for anew.
            throw CloudError(
                .unavailable, "The image can't be fetched now.", detail: "\(grant.url): HTTP \(response.status.code)")
        default:
            throw CloudError(
                .internalError, "The image can't be fetched.", detail: "\(grant.url): HTTP \(response.status.code)")
        }
        var body = response.body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do {
                piece = try await body.next()
            } catch let error as CancellationError {
                throw error
            } catch {
                throw CloudError(.unavailable, "The transfer of the image broke off.", detail: grant.url, cause: error)
            }
            guard let piece else { return }
            try await take(piece)
        }
    }

    /// Closes its connections. Call once, last.
    package func shutdown() async throws { try await client.shutdown() }
}
