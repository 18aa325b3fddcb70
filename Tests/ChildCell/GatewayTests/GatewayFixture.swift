import APIConventions
import AsyncHTTPClient
import CloudModel
import Foundation
import Gateway
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Observability
import ServiceLifecycle
import Tokens

/// A gateway on a port of 127.0.0.1, and the directory that outlives it.
struct GatewayUnderTest: Sendable {
    let port: Int
    let directory: String
    let glance: FakeGlance
    let service: GatewayService

    /// Names of files in the cache.
    var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/images").sorted()) ?? [] }

    struct Answer: Sendable {
        var status: Int
        var body: [UInt8]
        /// `hit` or `miss`.
        var cache: String?
        var contentRange: String?
        /// Whether the data came to its end.
        var isWhole: Bool
    }

    /// Asks as a host does.
    ///
    /// - Parameters:
    ///   - grant: for this image, signed by the API cell, if nil.
    ///   - proof: a new one if nil.
    ///   - verifying: what is kept must be verified first.
    ///   - onHead: called when the answer has begun.
    func fetch(
        _ image: ImageID, as host: Host, method: String = "GET", range: String? = nil, grant: String? = nil,
        proof: String? = nil, verifying: Bool = false,
        onHead: @Sendable () -> Void = {}
    ) async throws -> Answer {
        let grant = try grant ?? host.grant(for: image, by: glance.key)
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/v2/images/\(image)/file")
        request.method = .init(rawValue: method)
        request.headers.add(name: "X-Meridian-Grant", value: grant)
        request.headers.add(
            name: "X-Meridian-Proof", value: try proof ?? host.prove(image, grant: grant, method: method, range: range))
        if verifying { request.headers.add(name: "Cache-Control", value: "max-age=0, No-Cache") }
        if let range { request.headers.add(name: "Range", value: range) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        onHead()
        var answer = Answer(
            status: Int(response.status.code), body: [], cache: response.headers.first(name: "X-Meridian-Cache"),
            contentRange: response.headers.first(name: "Content-Range"), isWhole: false)
        do {
            for try await piece in response.body { answer.body += piece.readableBytesView }
            answer.isWhole = true
        } catch {}
        return answer
    }
}

extension GatewayUnderTest {
    /// What is answered to somebody without a grant.
    func status(of path: String) async throws -> Int {
        Int(
            try await HTTPClient.shared.execute(
                HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"), timeout: .seconds(30)
            ).status.code)
    }

    func waitUntilKept(_ image: ImageID) async throws {
        try await waitUntil { files.contains { $0.hasPrefix("\(image).") && !$0.hasSuffix(".part") } }
    }

    func waitUntil(_ condition: () async -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while await !condition() {
            guard ContinuousClock.now < end else { throw CloudError(.timeout, "It did not come to pass: \(files)") }
            try await Task.sleep(for: .milliseconds(2))
        }
    }
}

struct Host: Sendable {
    let key: HostImageKey
    init() throws { key = try .generate() }

    func grant(for image: ImageID, by signer: GrantSigningKey, seconds: Int = 60) throws -> String {
        try signer.sign(
            Grant(
                image: image, server: .random(), host: "compute-1.tunis", hostKey: key.publicText,
                expiresAt: .now() + .seconds(seconds)))
    }

    func prove(_ image: ImageID, grant: String, method: String = "GET", range: String? = nil) throws -> String {
        try key.prove(ImageRequest(method: method, path: "/v2/images/\(image)/file", range: range), with: grant)
    }
}

/// Runs a Glance, and a gateway before it.
func withGateway(
    cacheBytes: Int64 = 1 << 30, leastRate: LeastRate = LeastRate(),
    _ body: @escaping @Sendable (GatewayUnderTest) async throws -> Void
) async throws {
    let glance = try FakeGlance()
    let directory = NSTemporaryDirectory() + "meridian-gateway-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await withServer("glance", glance.router()) { port in
        try await withGateway(in: directory, glance, at: port, cacheBytes: cacheBytes, leastRate: leastRate, body)
    }
}

/// Runs a gateway over a directory, as it was left by another.
///
/// - Parameter port: Glance's; 1 where nobody listens.
func withGateway(
    in directory: String, _ glance: FakeGlance, at port: Int = 1, cacheBytes: Int64 = 1 << 30,
    leastRate: LeastRate = LeastRate(),
    _ body: @escaping @Sendable (GatewayUnderTest) async throws -> Void
) async throws {
    let service = try GatewayService(
        .init(
            directory: "\(directory)/images", cacheBytes: cacheBytes, keyFile: "\(directory)/grant.pub",
            glance: "http://127.0.0.1:\(port)", authority: nil, leastRate: leastRate),
        logger: .silent)
    try await withServer("gateway", service.router(identityURL: "http://127.0.0.1/v3"), beside: [service]) { port in
        while await !service.check().isHealthy { try await Task.sleep(for: .milliseconds(2)) }
        try await body(GatewayUnderTest(port: port, directory: directory, glance: glance, service: service))
    }
}

/// Runs a server on a free port, and other services, for `body`.
private func withServer(
    _ name: String, _ router: APIRouter, beside services: [any Service] = [],
    _ body: @escaping @Sendable (_ port: Int) async throws -> Void
) async throws {
    let (ports, found) = AsyncStream<Int>.makeStream()
    let server = try APIServer(name: name, router: router, host: "127.0.0.1", port: 0, logger: .silent) { found.yield($0) }
    let group = ServiceGroup(services: services + [server], logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        for await port in ports {
            do {
                try await body(port)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }
}

func sha512(_ data: [UInt8]) -> String { SHA512Digest.hex(of: data) }

/// The same bytes for the same seed.
func imageData(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
}
