import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird
import NIOCore
import Tokens

/// A Glance with images in memory, which verifies grants and proofs as the real one does and can be told to misbehave.
final class FakeGlance: Sendable {
    enum Behaviour: Sendable {
        case well
        /// Ends the connection after so many bytes.
        case breaksAfter(Int)
        /// Sends so many bytes, and the rest when `release` is called.
        case holdsAfter(Int)
        /// The same, and ends the connection instead of the rest.
        case holdsAndBreaksAfter(Int)
        /// Sends a few bytes now and then, as long as anybody reads.
        case trickles
        case corrupts
        case answers(HTTPResponse.Status)
    }

    private struct State {
        var images: [ImageID: [UInt8]] = [:]
        /// For the next requests, in order; then all go well.
        var behaviours: [Behaviour] = []
        var requests = 0
        var held: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Lock(State())
    private let granted = GrantedRequests()
    /// Signs grants.
    let key: GrantSigningKey

    init() throws { key = try .generate() }

    /// Requests for data, refused ones included.
    var requests: Int { state.withLock { $0.requests } }

    func add(_ data: [UInt8]) -> ImageID {
        let id = ImageID.random()
        state.withLock { $0.images[id] = data }
        return id
    }

    func behave(_ behaviours: Behaviour...) { state.withLock { $0.behaviours += behaviours } }

    /// Lets go what is held.
    func release() {
        for gate in state.withLock({ $0.held }) { gate.finish() }
    }

    func router() -> APIRouter {
        let router = APIRouter.service("glance", errors: .glance, identityURL: "http://127.0.0.1/v3")
        router.get("/meridian/v1/grant-key") { [self] _, _ in
            let text = key.publicKey.text
            return Response.json { $0.object("grant_key") { $0.field("public_key", text) } }
        }
        router.get("/v2/images/{id}/file") { [self] request, context in
            let id = try context.parameter("id", as: ImageID.self) { $0 }
            return try answer(id, request)
        }
        return router
    }

    private func answer(_ id: ImageID, _ request: Request) throws -> Response {
        let (data, behaviour) = state.withLock { state in
            state.requests += 1
            return (state.images[id], state.behaviours.isEmpty ? .well : state.behaviours.removeFirst())
        }
        let asked = ImageRequest(method: request.method.rawValue, path: request.uri.path, range: request.headers[.range])
        try granted.admit(
            asked, of: id, grant: request.headers[.meridianGrant] ?? "", proof: request.headers[.meridianProof],
            key: key.publicKey,
            now: .now())
        guard let data else { throw CloudError(.gone, "The image has been deleted.") }
        if case .answers(let status) = behaviour { return Response(status: status) }
        var headers: HTTPFields = [:]
        headers[.reprDigest] = DigestField.text(sha512: SHA512Digest.hex(of: data))
        guard let range = try ByteRange.parse(request.headers[.range], size: Int64(data.count)) else {
            return Response(status: .ok, headers: headers, body: body(data, behaviour))
        }
        headers[.contentRange] = range.header(of: Int64(data.count))
        let part = Array(data[Int(range.start)..<Int(range.start + range.count)])
        return Response(status: .partialContent, headers: headers, body: body(part, .well))
    }

    private func body(_ data: [UInt8], _ behaviour: Behaviour) -> ResponseBody {
        ResponseBody(contentLength: data.count) { [self] writer in
            switch behaviour {
            case .well, .answers: try await writer.write(ByteBuffer(bytes: data))
            case .trickles:
                for byte in data {
                    try await writer.write(ByteBuffer(bytes: [byte]))
                    try await Task.sleep(for: .milliseconds(5))
                }
            case .corrupts: try await writer.write(ByteBuffer(bytes: data.map { $0 ^ 1 }))
            case .breaksAfter(let count):
                try await writer.write(ByteBuffer(bytes: data.prefix(count)))
                throw CloudError(.unavailable, "The store is gone.")
            case .holdsAfter(let count), .holdsAndBreaksAfter(let count):
                let (gate, opener) = AsyncStream<Void>.makeStream()
                state.withLock { $0.held.append(opener) }
                try await writer.write(ByteBuffer(bytes: data.prefix(count)))
                for await _ in gate {}
                if case .holdsAndBreaksAfter = behaviour { throw CloudError(.unavailable, "The store is gone.") }
                try await writer.write(ByteBuffer(bytes: data.dropFirst(count)))
            }
            try await writer.finish(nil)
        }
    }
}
