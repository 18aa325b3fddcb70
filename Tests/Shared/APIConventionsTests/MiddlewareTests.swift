import APIConventions
import CloudModel
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Testing

/// Knows one token.
private struct OneToken: TokenAuthenticator {
    func authenticate(token: String) async throws -> Caller {
        guard token == "good" else { throw CloudError.requiresAuthentication }
        return Caller(userID: "u1", userName: "ann", projectID: "p1", roles: ["member"], expiresAt: .now())
    }
}

private struct Oops: Error {}

@Suite(.timeLimit(.minutes(3))) struct MiddlewareTests {
    private func server(_ style: ErrorStyle) throws -> APIServer {
        let router = APIRouter.service("test", errors: style, identityURL: "http://keystone/v3", tellsComputeID: style == .nova)
        router.get("open") { _, _ in Response.json { $0.field("ok", true) } }
        router.get("oops") { _, _ -> Response in throw Oops() }
        router.get("full") { _, _ -> Response in throw CloudError(.overQuota, "Quota exceeded for <instances>.") }
        router.get("late") { _, _ -> Response in throw CloudError(.unavailable, "tunis is silent.", retryAfter: 5) }
        router.post("echo") { request, _ in
            let body = try await readJSON(request, limit: 64)
            return Response.json { $0.field("body", body) }
        }
        let closed = router.group("closed").add(middleware: AuthenticationMiddleware(OneToken()))
        closed.get("me") { request, context in
            let caller = try context.caller
            return Response.json {
                $0.field("user", caller.userID)
                $0.field("claimed", request.headers[.known("X-User-Id")])
                $0.field("roles", request.headers[.known("X-Roles")])
            }
        }
        return try APIServer(name: "test", router: router, host: "127.0.0.1", port: 0, logger: Logger(label: "test"))
    }

    private func ask(
        _ method: HTTPRequest.Method, _ path: String, _ style: ErrorStyle = .nova, headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> TestResponse {
        try await server(style).application.test(.router) { client in
            try await client.execute(uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) })
        }
    }

    @Test func errorsAreInTheServicesWords() async throws {
        let nova = try await ask(.get, "/nowhere")
        #expect(nova.status == .notFound)
        #expect(String(buffer: nova.body) == #"{"itemNotFound":{"code":404,"message":"The resource could not be found."}}"#)
        let keystone = try await ask(.get, "/nowhere", .keystone)
        #expect(
            String(buffer: keystone.body)
                == #"{"error":{"code":404,"message":"The resource could not be found.","title":"Not Found"}}"#)
        let glance = try await ask(.get, "/full", .glance)
        #expect(glance.status == .forbidden)
        #expect(glance.headers[.contentType] == "text/html; charset=UTF-8")
        #expect(String(buffer: glance.body).contains("<title>403 Forbidden</title>"))
        #expect(String(buffer: glance.body).contains("Quota exceeded for &lt;instances&gt;.<br /><br />"))
        let ours = try await ask(.get, "/late", .meridian)
        #expect(ours.status == .serviceUnavailable)
        #expect(ours.headers[.retryAfter] == "5")
        #expect(String(buffer: ours.body).contains(#""request_id":"req-"#))
    }

    @Test func wrongMethodIs405WithTheRightOnes() async throws {
        let answer = try await ask(.delete, "/open")
        #expect(answer.status == .methodNotAllowed)
        #expect(answer.headers[.allow] == "GET, HEAD")
        #expect(try await ask(.head, "/open").status == .ok)
    }

    @Test func whatBreaksInsideTellsNothingButTheRequestID() async throws {
        let answer = try await ask(.get, "/oops")
        #expect(answer.status == .internalServerError)
        let id = try #require(answer.headers[.openStackRequestID])
        #expect(id.hasPrefix("req-"))
        #expect(answer.headers[.computeRequestID] == id)
        #expect(String(buffer: answer.body).contains(id))
        #expect(!String(buffer: answer.body).contains("Oops"))
    }

    @Test func withoutAValidTokenItIs401AndSaysWhereToGetOne() async throws {
        for headers: HTTPFields in [[:], [.authToken: "bad"], [.known("X-User-Id"): "root"]] {
            let answer = try await ask(.get, "/closed/me", headers: headers)
            #expect(answer.status == .unauthorized)
            #expect(answer.headers[.wwwAuthenticate] == "Keystone uri=\"http://keystone/v3\"")
            #expect(String(buffer: answer.body).contains(#""message":"The request you have made requires authentication.""#))
        }
    }

    @Test func claimsOfTheClientAreRemoved() async throws {
        let answer = try await ask(
            .get, "/closed/me", headers: [.authToken: "good", .known("X-User-Id"): "root", .known("X-Roles"): "admin"])
        #expect(String(buffer: answer.body) == #"{"user":"u1","claimed":null,"roles":null}"#)
    }

    @Test func bodiesHaveALimitAndAType() async throws {
        #expect(try await ask(.post, "/echo", body: #"{"a": 1}"#).status == .ok)
        #expect(
            try await ask(.post, "/echo", body: "{\"a\": \"\(String(repeating: "x", count: 64))\"}").status == .contentTooLarge)
        #expect(
            try await ask(.post, "/echo", headers: [.contentType: "text/xml"], body: "<a/>").status == .unsupportedMediaType)
        #expect(try await ask(.post, "/echo", body: "{").status == .badRequest)
        #expect(try await ask(.post, "/echo").status == .badRequest)
    }

    @Test func aRealPortIsReportedAndAnswers() async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        let router = APIRouter.service("test", errors: .nova, identityURL: "")
        router.get("open") { _, _ in Response.json { $0.field("ok", true) } }
        let server = try APIServer(
            name: "test", router: router, host: "127.0.0.1", port: 0, logger: Logger(label: "test"),
            onRunning: { found.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            #expect(port > 0)
            try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
                let answer = try await client.get("/open")
                #expect(answer.status == .ok)
                #expect(answer.headers[.server] == "meridian-test")
            }
            group.cancelAll()
        }
    }
}
