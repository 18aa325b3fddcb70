package import HTTPTypes

/// OpenStack's header fields.
extension HTTPField.Name {
    package static let authToken = known("X-Auth-Token")
    package static let subjectToken = known("X-Subject-Token")
    package static let openStackRequestID = known("X-OpenStack-Request-ID")
    package static let computeRequestID = known("X-Compute-Request-ID")
    package static let openStackAPIVersion = known("OpenStack-API-Version")
    package static let novaAPIVersion = known("X-OpenStack-Nova-API-Version")

    /// A host's leave to fetch one image, instead of a token.
    package static let meridianGrant = known("X-Meridian-Grant")
    /// Beside it: the host's own signature of this one request.
    package static let meridianProof = known("X-Meridian-Proof")
    /// The SHA-512 of the whole, whatever part of it is sent (RFC 9530): `sha-512=:base64:`.
    package static let reprDigest = known("Repr-Digest")

    /// For names that are literals; an ill-formed one is a mistake in our source and stops at the first use.
    package static func known(_ name: String) -> HTTPField.Name {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header field's name") }
        return field
    }
}
