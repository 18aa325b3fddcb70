import CloudClient
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

@testable import CommandLineTool

/// Keystone, Nova and Glance in a few lines: answers from a table, and remembers what was asked.
final class StubCloud: Sendable {
    struct Asked: Sendable {
        let line: String
        let token: String?
        let body: String
    }

    typealias Answer = @Sendable (Int) -> (status: Int, body: String)

    private let asked = Mutex<[Asked]>([])
    private let answers: [String: Answer]
    private let port = Mutex(0)

    /// `GET /v2.1/flavors/detail` → an answer, which learns how often the line was asked before.
    init(_ answers: [String: Answer]) { self.answers = answers }

    var requests: [Asked] { asked.withLock { $0 } }

    /// Runs the cloud while the body runs.
    func run(_ body: @escaping @Sendable (CloudSettings) async throws -> Void) async throws {
        let (ports, told) = AsyncStream<Int>.makeStream()
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in try await self.answer(request) },
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { told.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "stub", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            for await number in ports {
                port.withLock { $0 = number }
                break
            }
            let reader = SettingsReader(
                environment: [
                    "OS_AUTH_URL": "http://127.0.0.1:\(port.withLock { $0 })/v3", "OS_USERNAME": "demo", "OS_PASSWORD": "hush",
                    "OS_PROJECT_NAME": "demo", "HOME": "/nonexistent",
                ], workingDirectory: "/nonexistent")
            defer { group.cancelAll() }
            try await body(try reader.settings())
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let line = "\(request.method.rawValue) \(request.uri.string)"
        let before = asked.withLock { all in
            defer {
                all.append(
                    Asked(line: line, token: request.headers[.known("X-Auth-Token")], body: String(buffer: body)))
            }
            return all.count { $0.line == line }
        }
        if line == "POST /v3/auth/tokens" { return login(before) }
        guard let (status, text) = answers[line]?(before) else {
            return Response(
                status: .notFound,
                body: .init(byteBuffer: ByteBuffer(string: #"{"itemNotFound": {"message": "nothing at \#(line)"}}"#)))
        }
        return Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private func login(_ before: Int) -> Response {
        let base = "http://127.0.0.1:\(port.withLock { $0 })"
        func endpoint(_ url: String, _ region: String) -> String {
            #"{"interface": "public", "region": "\#(region)", "url": "\#(url)"}"#
        }
        let token = """
            {"token": {"expires_at": "2030-01-01T00:00:00.000000Z", "user": {"id": "u", "name": "demo"},
             "project": {"id": "p", "name": "demo"}, "roles": [{"name": "member"}], "catalog": [
              {"type": "compute", "endpoints": [\(endpoint(base + "/v2.1", "meridian")), \(endpoint(base + "/regions/tunis/v2.1", "tunis"))]},
              {"type": "image", "endpoints": [\(endpoint(base, "meridian"))]}]}}
            """
        return Response(
            status: .created, headers: [.known("X-Subject-Token"): "token-\(before)"],
            body: .init(byteBuffer: ByteBuffer(string: token)))
    }
}

/// What verbs print.
final class Printed: Sendable {
    private let lines = Mutex<[String]>([])
    func output(_ format: OutputFormat) -> Output { Output(format: format) { line in self.lines.withLock { $0.append(line) } } }
    var text: String { lines.withLock { $0.joined(separator: "\n") } }
}

extension HTTPField.Name {
    /// For literals.
    static func known(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header field's name") }
        return field
    }
}
