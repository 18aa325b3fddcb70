package import CloudModel

/// The gate before an image's data: lets a host's request through once, if the grant is the API cell's, for that image, not expired, and the
/// request signed by the host that it was signed for. One per process, which asks nobody else.
package final class GrantedRequests: Sendable {
    private let used = Lock(UsedProofs())

    package init() {}

    /// Throws `unauthorized` without saying why, or `unavailable` when so many were let through that no more can be remembered. A request
    /// that is refused has not used its proof. Returns the grant.
    ///
    /// - Parameters:
    ///   - text: the grant as it came.
    ///   - proof: the header as it came; nil: there was none.
    @discardableResult
    package func admit(
        _ request: ImageRequest, of image: ImageID, grant text: String, proof: String?, key: GrantPublicKey, now: Timestamp
    ) throws(CloudError) -> Grant {
        let grant = try key.verify(text, now: now)
        guard grant.image == image else {
            throw CloudError(.unauthorized, "The grant is not valid.", detail: "it is for another image")
        }
        let nonce = try grant.verify(proof: proof, of: request, with: text)
        switch used.withLock({ $0.take(nonce, until: grant.expiresAt, now: now) }) {
        case .fresh: return grant
        case .used: throw CloudError(.unauthorized, "The grant is not valid.", detail: "the proof was used before")
        case .full: throw CloudError(.unavailable, "Too many images are being fetched. Try again in a moment.", retryAfter: 5)
        }
    }
}
