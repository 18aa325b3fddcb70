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
    /// The end of its grant: Glance refuses it from then on.
    private let expires: Timestamp
    private let asked = Lock(false)

    init(
        _ request: ImageRequest, for image: ImageID, grant: String, expires: Timestamp, proof: String,
        over connection: any EventLoop
    ) {
        self.image = image
        self.request = request
        self.grant = grant
        self.expires = expires
        self.proof = proof
        self.connection = connection
    }

    /// Whether Glance would take it: a host that has followed others for longer than its grant lasts would only be refused.
    func mayAsk(at now: Timestamp) -> Bool { asked.withLock { !$0 } && now < expires }

    /// Passes it on to Glance. Call at most once.
    func ask(_ glance: GlanceUpstream) async throws -> GlanceUpstream.Answer {
        asked.withLock { $0 = true }
        return try await glance.ask(request, grant: grant, proof: proof)
    }
}
