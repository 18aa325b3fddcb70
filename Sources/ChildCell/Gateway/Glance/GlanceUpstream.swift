import APIConventions
import AsyncHTTPClient
import CloudModel
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Tokens

/// The API cell's image service, asked over HTTPS with the grants and proofs of the region's hosts: the gateway has none of its own.
final class GlanceUpstream: Sendable {
    /// What Glance sends for one request.
    struct Answer: Sendable {
        var status: Int
        /// Of the body that follows; nil: Glance didn't say.
        var length: Int64?
        /// SHA-512 of the whole image; nil: Glance didn't say.
        var sha512: String?
        var contentRange: String?
        /// In order, at the pace at which it is read. Broken off by throwing.
        var body: HTTPClientResponse.Body

        /// nil: not enough is known of the image to keep it.
        var facts: ImageFacts? {
            guard status == 200, let length, length > 0, let sha512 else { return nil }
            return ImageFacts(size: length, sha512: sha512)
        }
    }

    /// Made for the first request: one that was made must be shut down, and a start that fails has nobody to do it.
    private enum Connections: Sendable {
        case none
        case open(HTTPClient)
        case closed
    }

    private let connections = Lock(Connections.none)
    private let configuration: HTTPClient.Configuration
    private let base: String

    /// From the request to the head of the answer; the times below end most of it sooner. The data that follows is bounded by `LeastRate`.
    private static let longestWait = TimeAmount.seconds(60)
    /// Enough for a handshake over any WAN that works; a host waits for the gateway a little longer.
    private static let connecting = TimeAmount.milliseconds(2_500)
    /// Silence after which Glance is gone. With the above less than hosts wait for the gateway, so that they hear of it instead.
    private static let silence = TimeAmount.seconds(9)
    /// One for each transfer and for each host that is served past the cache. Those beyond wait for one that ends, but no longer than for a
    /// handshake.
    private static let connectionLimit = 64
    /// The answer with the grants' key has 150 bytes.
    private static let keyAnswerLimit = 4096

    /// - Parameters:
    ///   - base: `https://address:port`.
    ///   - authority: the PEM file of the CA that signs the API's certificates; nil: the machine's own.
    init(base: String, authority: String?) {
        self.base = base
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: Self.connecting, read: Self.silence)
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionLimit
        if let authority {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(authority)
            configuration.tlsConfiguration = tls
        }
        self.configuration = configuration
    }

    /// Passes a host's request on as it came. Throws `CloudError`: what Glance refused with, or `unavailable` where it can't be reached.
    func ask(_ request: ImageRequest, grant: String, proof: String) async throws -> Answer {
        var asked = HTTPClientRequest(url: base + request.path)
        asked.method = HTTPMethod(rawValue: request.method)
        asked.headers.add(name: "X-Meridian-Grant", value: grant)
        asked.headers.add(name: "X-Meridian-Proof", value: proof)
        if let range = request.range { asked.headers.add(name: "Range", value: range) }
        let response = try await execute(asked)
        guard (200..<300).contains(response.status.code) else { throw Self.refusal(Int(response.status.code)) }
        return Answer(
            status: Int(response.status.code), length: response.headers.first(name: "Content-Length").flatMap { Int64($0) },
            sha512: try response.headers.first(name: "Repr-Digest").flatMap(DigestField.sha512),
            contentRange: response.headers.first(name: "Content-Range"), body: response.body)
    }

    /// The key that verifies grants. Throws `CloudError`.
    func grantKey() async throws -> GrantPublicKey {
        let response = try await execute(HTTPClientRequest(url: base + "/meridian/v1/grant-key"))
        guard response.status == .ok else { throw Self.refusal(Int(response.status.code)) }
        let body = try await response.body.collect(upTo: Self.keyAnswerLimit)
        guard let text = try JSONValue(parsing: body.readableBytesView)["grant_key"]?["public_key"]?.string,
            let key = GrantPublicKey(text: text)
        else { throw CloudError(.internalError, "The API cell's answer holds no grant key.") }
        return key
    }

    /// Closes its connections. Call once, last; who asks later is refused.
    func shutdown() async throws {
        let last = connections.withLock { connections in
            defer { connections = .closed }
            return connections
        }
        if case .open(let client) = last { try await client.shutdown() }
    }

    private func client() throws -> HTTPClient {
        try connections.withLock { connections in
            switch connections {
            case .open(let client): return client
            case .closed: throw CloudError(.unavailable, "The gateway is being shut down.")
            case .none:
                let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
                connections = .open(client)
                return client
            }
        }
    }

    private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        let client = try client()
        do {
            return try await client.execute(request, timeout: Self.longestWait)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw CloudError(.unavailable, "The image service can't be reached now.", detail: request.url, cause: error)
        }
    }

    private static func refusal(_ status: Int) -> CloudError {
        let detail = "Glance answered with \(status)"
        return switch status {
        case 401, 403: CloudError(.unauthorized, "The grant is not valid.", detail: detail)
        case 404: CloudError(.notFound, "There is no such image.", detail: detail)
        case 409: CloudError(.conflict, "The image has no data to boot from.", detail: detail)
        case 410: CloudError(.gone, "The image has been deleted.", detail: detail)
        case 416: CloudError(.rangeNotSatisfiable, "The requested range lies outside the image.", detail: detail)
        default: CloudError(.unavailable, "The image service can't send the image now.", detail: detail)
        }
    }
}
