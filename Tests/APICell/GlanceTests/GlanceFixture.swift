import APIConventions
import CloudModel
import CloudTestKit
import Database
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Tokens

@testable import Glance

/// Tokens that mean what they say.
struct DictionaryAuthenticator: TokenAuthenticator {
    let callers: [String: Caller]
    func authenticate(token: String) async throws -> Caller {
        guard let caller = callers[token] else { throw CloudError.requiresAuthentication }
        return caller
    }
}

extension Caller {
    /// One that may do everything.
    static var cloud: Caller { Caller(userID: "cloud", userName: "cloud", roles: ["admin"], expiresAt: .now() + .seconds(600)) }
}

/// A Glance on a real database and a real directory.
struct Glances: Sendable {
    let service: GlanceService
    let database: Database
    let directory: String
    let signingKey: GrantSigningKey

    var router: APIRouter {
        let router = APIRouter.service("glance", errors: .glance, identityURL: "http://127.0.0.1/v3")
        func caller(_ project: ProjectID, _ roles: Set<String>) -> Caller {
            Caller(userID: "user", userName: "somebody", projectID: project, roles: roles, expiresAt: .now() + .seconds(600))
        }
        service.addRoutes(
            to: router,
            authenticator: DictionaryAuthenticator(callers: [
                "alice": caller("project-a", ["member", "reader"]), "bob": caller("project-b", ["member", "reader"]),
                "reader": caller("project-a", ["reader"]), "admin": caller("admins", ["admin", "manager", "member", "reader"]),
            ]))
        return router
    }

    /// Another one over the same rows and files, as after a restart.
    func restarted() throws -> Glances {
        Glances(
            service: try GlanceService(database: database, store: directory, grantKey: signingKey.publicKey, logger: .silent),
            database: database, directory: directory, signingKey: signingKey)
    }

    /// One that may do everything, with this Glance's rules.
    var cloud: ImageCaller { ImageCaller(caller: .cloud, policy: service.policy) }

    var files: [String] { (try? FileManager.default.contentsOfDirectory(atPath: directory).sorted()) ?? [] }
}

func withGlance(
    limits: GlanceLimits = GlanceLimits(), policy: [String: String] = [:], _ body: @Sendable (Glances) async throws -> Void
) async throws {
    try await withDatabase { database in
        try await database.migrate(GlanceMigrations.all, schema: GlanceMigrations.schema)
        let directory = NSTemporaryDirectory() + "/meridian-glance-\(UUID().lowercased)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let key = try GrantSigningKey.generate()
        let service = try GlanceService(
            database: database, store: directory, grantKey: key.publicKey, policy: policy, limits: limits, logger: .silent)
        try await body(Glances(service: service, database: database, directory: directory, signingKey: key))
    }
}

/// The API over HTTP, on a socket where bodies stream.
func withGlanceAPI(
    limits: GlanceLimits = GlanceLimits(), policy: [String: String] = [:],
    _ body: @escaping @Sendable (Glances, any TestClientProtocol) async throws -> Void
) async throws {
    try await withGlance(limits: limits, policy: policy) { glance in
        try await Application(router: glance.router, logger: .silent).test(.live) { client in try await body(glance, client) }
    }
}

extension TestClientProtocol {
    func ask(
        _ method: HTTPRequest.Method, _ uri: String, as token: String? = "alice", _ headers: HTTPFields = [:],
        json: String? = nil,
        bytes: ByteBuffer? = nil
    ) async throws -> TestResponse {
        var headers = headers
        if let token { headers[.authToken] = token }
        if json != nil, headers[.contentType] == nil { headers[.contentType] = "application/json" }
        return try await execute(uri: uri, method: method, headers: headers, body: json.map { ByteBuffer(string: $0) } ?? bytes)
        { $0 }
    }

    /// Creates an image that is ready for data; its id.
    func created(_ name: String = "tiny", as token: String = "alice", more: String = "") async throws -> String {
        let body = #"{"name": "\#(name)", "disk_format": "raw", "container_format": "bare"\#(more)}"#
        let response = try await ask(.post, "/v2/images", as: token, json: body)
        try #require(response.status == .created, "\(response.text)")
        return try #require(response.json["id"]?.string)
    }

    func uploaded(_ data: ByteBuffer, _ name: String = "tiny", as token: String = "alice", more: String = "") async throws
        -> String
    {
        let id = try await created(name, as: token, more: more)
        let response = try await ask(.put, "/v2/images/\(id)/file", as: token, octets, bytes: data)
        try #require(response.status == .noContent, "\(response.text)")
        return id
    }

    func status(_ id: String) async throws -> String? {
        try await ask(.get, "/v2/images/\(id)", as: "admin").json["status"]?.string
    }

    func patch(_ id: String, _ json: String, as token: String = "alice") async throws -> TestResponse {
        try await ask(.patch, "/v2/images/\(id)", as: token, [.contentType: ImagePatch.mediaType], json: json)
    }
}

let octets: HTTPFields = [.contentType: "application/octet-stream"]

extension TestResponse {
    var text: String { String(buffer: body) }
    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
}

/// The same bytes each time, unlike any others.
func bytes(_ count: Int) -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: count)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for _ in 0..<(count / 8) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer.writeInteger(state)
    }
    buffer.writeRepeatingByte(7, count: count % 8)
    return buffer
}
