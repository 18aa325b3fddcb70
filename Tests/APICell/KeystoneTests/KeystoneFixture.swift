import APIConventions
import CloudModel
import CloudTestKit
import Database
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Keystone
import Logging
import NIOCore
import Testing
import Tokens

/// A bootstrapped Keystone over an empty database of its own, asked in process.
struct KeystoneFixture: Sendable {
    let database: Database
    let service: KeystoneService
    let keys: FernetKeyRing
    let hasher: PasswordHasher
    let client: any TestClientProtocol

    static let urls = ["identity": "http://top:5000/v3", "image": "http://top:9292", "compute": "http://top:8774/v2.1"]

    static func with(
        tokenLifetime: Duration = .seconds(3600), _ body: @Sendable (KeystoneFixture) async throws -> Void
    ) async throws {
        let directory = NSTemporaryDirectory() + "meridian-keystone-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try FernetKeyRing.create(directory: directory)
        let keys = try FernetKeyRing(directory: directory)
        let hasher = try PasswordHasher(threads: 2, cost: .init(ln: 4, r: 8, p: 1))
        try await withDatabase { database in
            try await database.migrate(KeystoneMigrations.all, schema: KeystoneMigrations.schema)
            let service = try KeystoneService(
                database: database, keys: keys, hasher: hasher, publicURL: "http://top:5000", tokenLifetime: tokenLifetime,
                logger: .silent)
            try await service.bootstrap(
                adminPassword: "secret", publicURLs: urls,
                regions: ["london", "amsterdam", "tunis"].map {
                    AddRegion($0, urls: ["compute": "http://top:8774/regions/\($0)/v2.1"])
                })
            let server = try APIServer(name: "keystone", router: service.router(), host: "127.0.0.1", port: 0, logger: .silent)
            try await server.application.test(.router) { client in
                try await body(
                    KeystoneFixture(database: database, service: service, keys: keys, hasher: hasher, client: client))
            }
        }
    }

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let body: JSONValue
    }

    @discardableResult
    func ask(
        _ method: HTTPRequest.Method, _ path: String, token: String? = nil, subject: String? = nil, _ body: JSONValue? = nil
    ) async throws -> Answer {
        var headers = HTTPFields()
        headers[.authToken] = token
        headers[.subjectToken] = subject
        let response = try await client.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0.text) })
        let text = String(buffer: response.body)
        return Answer(
            status: response.status.code, headers: response.headers, body: text.isEmpty ? .null : try JSONValue(parsing: text))
    }

    static func password(_ user: String, _ password: String, scope: JSONValue? = nil) -> JSONValue {
        var auth: JSONObject = [
            "identity": [
                "methods": ["password"],
                "password": ["user": ["name": .string(user), "domain": ["id": "default"], "password": .string(password)]],
            ]
        ]
        if let scope { auth["scope"] = scope }
        return ["auth": .object(auth)]
    }

    static func token(_ token: String, scope: JSONValue? = nil) -> JSONValue {
        var auth: JSONObject = ["identity": ["methods": ["token"], "token": ["id": .string(token)]]]
        if let scope { auth["scope"] = scope }
        return ["auth": .object(auth)]
    }

    func login(_ body: JSONValue) async throws -> (token: String, body: JSONValue) {
        let answer = try await ask(.post, "/v3/auth/tokens", body)
        #expect(answer.status == 201, "\(answer.body.text)")
        return (try #require(answer.headers[.subjectToken]), try #require(answer.body["token"]))
    }

    func admin() async throws -> String { try await login(Self.password("admin", "secret")).token }

    func role(_ name: String, _ admin: String) async throws -> String {
        let roles = try await ask(.get, "/v3/roles?name=\(name)", token: admin).body["roles"]?.array
        return try #require(roles?.first?["id"]?.string)
    }

    /// A project and a user with a role in it; what most tests start from.
    func member(_ name: String, role: String = "member", _ admin: String) async throws -> (
        user: String, project: String, grant: String
    ) {
        let project = try #require(
            try await ask(.post, "/v3/projects", token: admin, ["project": ["name": .string("p-\(name)")]]).body["project"]?[
                "id"]?.string)
        let user = try #require(
            try await ask(
                .post, "/v3/users", token: admin,
                [
                    "user": [
                        "name": .string(name), "password": "pw", "default_project_id": .string(project),
                        "email": "x@example.org",
                    ]
                ]
            ).body["user"]?["id"]?.string)
        let grant = "/v3/projects/\(project)/users/\(user)/roles/\(try await self.role(role, admin))"
        #expect(try await ask(.put, grant, token: admin).status == 204)
        return (user, project, grant)
    }
}
