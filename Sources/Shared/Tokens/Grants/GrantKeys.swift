internal import COpenSSL
package import CloudModel
import Foundation

/// The API cell's Ed25519 key (RFC 8032) for grants. Lives on API nodes only.
package struct GrantSigningKey: Sendable {
    private let seed: [UInt8]
    package let publicKey: GrantPublicKey

    package static func generate() throws -> GrantSigningKey { try GrantSigningKey(seed: SecureRandom.bytes(32)) }

    /// 32 bytes, from which both keys follow.
    package init(seed: [UInt8]) throws {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else {
            throw OpenSSLError("EVP_PKEY_new_raw_private_key")
        }
        defer { EVP_PKEY_free(key) }
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1 else { throw OpenSSLError("EVP_PKEY_get_raw_public_key") }
        self.seed = seed
        publicKey = GrantPublicKey(bytes: bytes)
    }

    /// A file with the seed as base64url, readable by one user.
    package init(file: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let seed = Base64.decoded(text), seed.count == 32 else {
            throw CloudError(.internalError, "\(file) is not a signing key: 43 characters of base64url are expected.")
        }
        try self.init(seed: seed)
    }

    /// Writes the seed with mode 0600. Refuses to overwrite.
    package func write(to file: String) throws {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CloudError(.internalError, "\(file) can't be written: \(String(cString: strerror(errno))).")
        }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try handle.write(contentsOf: Data((Base64.urlEncoded(seed) + "\n").utf8))
    }

    /// The grant as text for an `Authorization` header: base64url of claims and signature.
    package func sign(_ grant: Grant) throws -> String {
        let claims = grant.encoded
        return Base64.urlEncoded(claims + (try sign(claims)))
    }

    func sign(_ message: [UInt8]) throws -> [UInt8] {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else {
            throw OpenSSLError("EVP_PKEY_new_raw_private_key")
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { throw OpenSSLError("EVP_MD_CTX_new") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: 64)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == 64
        else { throw OpenSSLError("EVP_DigestSign") }
        return signature
    }
}

/// The other half, which Glance has.
package struct GrantPublicKey: Sendable, Equatable {
    package let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// base64url of 32 bytes; nil otherwise.
    package init?(text: some StringProtocol) {
        guard let bytes = Base64.decoded(String(text.filter { !$0.isWhitespace })), bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    package var text: String { Base64.urlEncoded(bytes) }

    /// The claims, if they were signed with our key and have not expired. Throws `unauthorized` otherwise, without saying why.
    package func verify(_ text: String, now: Timestamp) throws(CloudError) -> Grant {
        guard text.utf8.count <= 2048, let all = Base64.decoded(text), all.count > 64, isSigned(all),
            let grant = Grant(decoding: all.dropLast(64)), grant.expiresAt > now
        else { throw CloudError(.unauthorized, "The grant is not valid.") }
        return grant
    }

    /// Whether the bytes end with a signature of what is before it.
    private func isSigned(_ all: [UInt8]) -> Bool { isSignature(all.suffix(64), of: Array(all.dropLast(64))) }

    func isSignature(_ signature: some Collection<UInt8>, of message: [UInt8]) -> Bool {
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count) else { return false }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        let isRight =
            EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
            && EVP_DigestVerify(context, Array(signature), signature.count, message, message.count) == 1
        if !isRight { ERR_clear_error() }
        return isRight
    }
}
