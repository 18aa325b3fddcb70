package import CloudModel

/// A host's own Ed25519 key pair for fetching images. Made by the agent's process for itself and never written anywhere: what was granted
/// to a process ends with it.
package struct HostImageKey: Sendable {
    private let key: GrantSigningKey

    package static func generate() throws -> HostImageKey { HostImageKey(key: try .generate()) }

    private init(key: GrantSigningKey) { self.key = key }

    /// What the hub signs into the grant: base64url of 32 bytes.
    package var publicText: String { key.publicKey.text }

    /// The proof, for one request, that its sender is who the grant was signed for: base64url of a nonce and a signature. Each is another, and
    /// Glance takes each once.
    package func prove(_ request: ImageRequest, with grant: String) throws -> String {
        let nonce = SecureRandom.bytes(ImageRequest.nonceLength)
        return Base64.urlEncoded(nonce + (try key.sign(request.message(grant: grant, nonce: nonce))))
    }
}

/// What a proof is for: this request, under this grant, and nothing else.
package struct ImageRequest: Sendable, Hashable {
    /// Enough that no two are ever alike.
    static let nonceLength = 16

    package var method: String
    /// As it stands in the request's first line, without a query.
    package var path: String
    /// The header `Range`, as it is sent; nil: there is none.
    package var range: String?

    package init(method: String, path: String, range: String?) {
        self.method = method
        self.path = path
        self.range = range
    }

    /// Its own first line keeps it apart from whatever else may ever be signed with such a key. None of the parts can hold a line break, or
    /// HTTP could not carry it; what does is refused by `verify`.
    func message(grant: String, nonce: [UInt8]) -> [UInt8] {
        Array("meridian image request 1\n\(method)\n\(path)\n\(range ?? "")\n\(grant)\n".utf8) + nonce
    }
}

extension Grant {
    /// Checks that a request was made by the host for which this grant was signed. Returns what tells the proof from all others, for the caller
    /// to take it only once. Throws `unauthorized` otherwise, without saying why.
    ///
    /// - Parameters:
    ///   - proof: the header as it came; nil: there was none.
    ///   - text: the grant as it came.
    package func verify(proof: String?, of request: ImageRequest, with text: String) throws(CloudError) -> [UInt8] {
        let parts = [request.method, request.path, request.range ?? "", text]
        guard let proof, proof.utf8.count <= 256, let bytes = Base64.decoded(proof),
            bytes.count == ImageRequest.nonceLength + 64, let key = GrantPublicKey(text: hostKey),
            !parts.contains(where: { $0.utf8.contains(UInt8(ascii: "\n")) })
        else {
            throw CloudError(.unauthorized, "The grant is not valid.", detail: "no proof of its host, or none that can be read")
        }
        let nonce = Array(bytes.prefix(ImageRequest.nonceLength))
        guard key.isSignature(bytes.suffix(64), of: request.message(grant: text, nonce: nonce)) else {
            throw CloudError(.unauthorized, "The grant is not valid.", detail: "the proof is not of its host")
        }
        return nonce
    }
}
