import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Sends one request and reads its answer, over connections it keeps. Every exchange is told to the observer, secrets masked. Call `close`
/// when done.
struct HTTPSender: Sendable {
    /// Bytes of an answer that are read; more is refused.
    private static let answerLimit = 64 << 20

    private let client: HTTPClient
    private let observer: CloudSession.Observer?

    /// - Parameter authorities: a PEM file with the authorities to trust; nil: the system's.
    init(authorities: String?, verifiesCertificates: Bool = true, observer: CloudSession.Observer? = nil) {
        self.observer = observer
        var tls = TLSConfiguration.makeClientConfiguration()
        if let authorities { tls.trustRoots = .file(authorities) }
        if !verifiesCertificates { tls.certificateVerification = .none }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: .seconds(10))
        // A refused connection is an answer: whether to try again is decided by whoever asks, not in the pool.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async {
        // Whatever went wrong with idle connections, there is nobody left who cares.
        try? await client.shutdown()
    }

    /// Throws `CloudClientError.unreachable` when no answer came; whatever the answer's status, it is returned.
    func send(
        _ method: CloudRequest.Method, _ url: String, headers: [(name: String, value: String)], body: JSON?, timeout: Duration
    ) async throws -> CloudAnswer {
        let data = body.map { Data($0.text(pretty: false).utf8) }
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method.rawValue)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "User-Agent", value: "meridian")
        if let data {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: data))
        }
        let sent = request.headers.map { (name: $0.name, value: Masking.header($0.name, $0.value)) }
        let start = ContinuousClock.now
        func tell(_ status: Int?, _ headers: [(name: String, value: String)], _ answer: Data, _ failure: String?) {
            observer?(
                HTTPExchange(
                    method: method.rawValue, url: url, requestHeaders: sent, requestBody: data.flatMap(Masking.body),
                    status: status,
                    responseHeaders: headers, responseBody: Masking.body(answer), duration: ContinuousClock.now - start,
                    failure: failure))
        }
        do {
            let response = try await client.execute(request, timeout: .nanoseconds(timeout.nanoseconds))
            let bytes = Data(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
            tell(
                Int(response.status.code), response.headers.map { (name: $0.name, value: Masking.header($0.name, $0.value)) },
                bytes, nil)
            let names = response.headers.map { ($0.name.lowercased(), $0.value) }
            let json = bytes.isEmpty ? JSON.null : JSON(bytes) ?? .string(String(decoding: bytes, as: UTF8.self))
            return CloudAnswer(
                status: Int(response.status.code), headers: Dictionary(names, uniquingKeysWith: { $1 }), json: json)
        } catch let error as CloudClientError {
            throw error
        } catch {
            let reason = Self.sentence(error)
            tell(nil, [], Data(), reason)
            let origin =
                URL(string: url).flatMap { u in u.host.map { "\($0):\(u.port ?? (u.scheme == "https" ? 443 : 80))" } } ?? url
            throw CloudClientError.unreachable("\(origin) can't be reached: \(reason)")
        }
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            return "it did not answer in time."
        case let error as HTTPClientError where error == .connectTimeout: return "it did not take the connection in time."
        case let error as NIOSSLError: return "TLS failed: \(error)."
        case let error as NIOConnectionError:
            return error.connectionErrors.first.map { sentence($0.error) } ?? "its name is unknown (\(error.host))."
        case let error as IOError: return "\(String(cString: strerror(error.errnoCode)).lowercased())."
        default: return "\(error)."
        }
    }
}

extension Duration {
    /// Whole nanoseconds.
    var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
