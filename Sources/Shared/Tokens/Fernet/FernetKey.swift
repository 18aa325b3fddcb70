internal import COpenSSL

/// One Fernet key: 16 bytes that sign, 16 that encrypt (github.com/fernet/spec).
package struct FernetKey: Sendable, Equatable {
    private let signing: [UInt8]
    private let encryption: [UInt8]

    /// 32 bytes, no more, no less; nil otherwise.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        signing = Array(bytes[..<16])
        encryption = Array(bytes[16...])
    }

    /// The form of a key file: base64url of 32 bytes.
    package init?(text: some StringProtocol) {
        guard let bytes = Base64.decoded(String(text.filter { !$0.isWhitespace })) else { return nil }
        self.init(bytes: bytes)
    }

    package static func generate() -> FernetKey {
        let bytes = SecureRandom.bytes(32)
        return FernetKey(signing: Array(bytes[..<16]), encryption: Array(bytes[16...]))
    }

    private init(signing: [UInt8], encryption: [UInt8]) {
        self.signing = signing
        self.encryption = encryption
    }

    package var text: String { Base64.urlEncoded(signing + encryption, padded: true) }

    /// Makes a token: `0x80 | seconds | IV | AES-128-CBC(message) | HMAC-SHA256`, base64url without padding as Keystone does.
    package func seal(_ message: [UInt8], seconds: Int64, iv: [UInt8] = SecureRandom.bytes(16)) -> String {
        var token: [UInt8] = [0x80]
        withUnsafeBytes(of: seconds.bigEndian) { token.append(contentsOf: $0) }
        token += iv
        token += cipher(message, iv: iv, encrypts: true) ?? []
        token += hmac(token)
        return Base64.urlEncoded(token)
    }

    /// The message and the second it was sealed in; nil for a token that isn't ours or isn't whole.
    package func open(_ token: SealedToken) -> [UInt8]? {
        guard isEqualInConstantTime(hmac(token.signed), token.signature) else { return nil }
        return cipher(token.encrypted, iv: token.iv, encrypts: false)
    }

    private func hmac(_ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        HMAC(EVP_sha256(), signing, Int32(signing.count), bytes, bytes.count, &code, nil)
        return code
    }

    /// nil when the padding is wrong.
    private func cipher(_ input: [UInt8], iv: [UInt8], encrypts: Bool) -> [UInt8]? {
        guard let context = EVP_CIPHER_CTX_new() else { return nil }
        defer { EVP_CIPHER_CTX_free(context) }
        guard EVP_CipherInit_ex(context, EVP_aes_128_cbc(), nil, encryption, iv, encrypts ? 1 : 0) == 1 else { return nil }
        var out = [UInt8](repeating: 0, count: input.count + 16)
        var length: Int32 = 0
        var last: Int32 = 0
        guard EVP_CipherUpdate(context, &out, &length, input, Int32(input.count)) == 1 else { return nil }
        let isWhole = out.withUnsafeMutableBufferPointer {
            EVP_CipherFinal_ex(context, $0.baseAddress.map { $0 + Int(length) }, &last) == 1
        }
        guard isWhole else { return nil }
        return Array(out.prefix(Int(length + last)))
    }
}

/// A token's bytes taken apart, once for all keys that are tried. Its form is right; nothing is known yet about its truth.
package struct SealedToken: Sendable {
    /// Seconds since 1970 when it was sealed; trust it only after a key opened the token.
    package let seconds: Int64
    let iv: [UInt8]
    let encrypted: [UInt8]
    let signed: [UInt8]
    let signature: [UInt8]

    /// Text longer than this is no token of ours; our longest has about 400 characters.
    private static let textLimit = 4096

    package init?(_ text: some StringProtocol) {
        guard text.utf8.count <= Self.textLimit, let bytes = Base64.decoded(text) else { return nil }
        let encryptedSize = bytes.count - (1 + 8 + 16 + 32)
        guard encryptedSize >= 16, encryptedSize % 16 == 0, bytes[0] == 0x80 else { return nil }
        seconds = bytes[1..<9].reduce(0) { $0 << 8 | Int64($1) }
        iv = Array(bytes[9..<25])
        encrypted = Array(bytes[25..<25 + encryptedSize])
        signed = Array(bytes[..<(bytes.count - 32)])
        signature = Array(bytes[(bytes.count - 32)...])
    }
}
