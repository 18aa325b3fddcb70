import CloudModel
import NIOCore
import Tokens

/// What one host asks, after it was verified. Its proof is good for one request to Glance, and no more.
final class HostRequest: Sendable {
    let image: ImageID
    let request: ImageRequest
    let grant: String
    let proof: String
    /// Whose pace the answer has.
    let connection: any EventLoop
    private let asked = Lock(false)

    init(_ request: ImageRequest, for image: ImageID, grant: String, proof: String, over connection: any EventLoop) {
        self.image = image
        self.request = request
        self.grant = grant
        self.proof = proof
        self.connection = connection
    }

    var mayAsk: Bool { asked.withLock { !$0 } }

    /// Passes it on to Glance. Call at most once.
    func ask(_ glance: GlanceUpstream) async throws -> GlanceUpstream.Answer {
        asked.withLock { $0 = true }
        return try await glance.ask(request, grant: grant, proof: proof)
    }
}
