internal import COpenSSL
import CloudModel

/// Hashes a stream piece by piece. Not for two tasks at once: it is a plain object that its user owns.
private final class DigestStream {
    private let context: OpaquePointer
    private let size: Int

    /// EVP_DigestInit_ex: none of the three algorithms here can be missing from libcrypto, so failing means no memory.
    init(_ algorithm: OpaquePointer?) {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, algorithm, nil) == 1 else {
            preconditionFailure("\(OpenSSLError("EVP_DigestInit_ex"))")
        }
        self.context = context
        size = Int(EVP_MD_get_size(algorithm))
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }

    func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest
    }
}

/// SHA-512 of a stream, as hex: Glance's `os_hash_value`.
package final class SHA512Digest {
    private let stream = DigestStream(EVP_sha512())
    package init() {}
    package func update(_ bytes: UnsafeRawBufferPointer) { stream.update(bytes) }
    /// 128 hex digits. Call once, last.
    package func finalize() -> String { stream.finalize().hex }
    package static func bytes(of data: some Collection<UInt8>) -> [UInt8] { oneShot(EVP_sha512(), data) }
    /// Whether text has the form of what `finalize` gives: it may then become a file's name.
    package static func isText(_ text: some StringProtocol) -> Bool {
        text.utf8.count == 128 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
    package static func hex(of data: some Collection<UInt8>) -> String { bytes(of: data).hex }
}

/// SHA-256 of a stream.
package final class SHA256Digest {
    private let stream = DigestStream(EVP_sha256())
    package init() {}
    package func update(_ bytes: UnsafeRawBufferPointer) { stream.update(bytes) }
    /// 64 hex digits. Call once, last.
    package func finalize() -> String { stream.finalize().hex }
    package static func bytes(of data: some Collection<UInt8>) -> [UInt8] { oneShot(EVP_sha256(), data) }
    package static func hex(of data: some Collection<UInt8>) -> String { bytes(of: data).hex }
}

/// MD5 of a stream: Glance's `checksum` and fingerprints of keypairs, where compatibility asks for it. Protects nothing.
package final class MD5Digest {
    private let stream = DigestStream(EVP_md5())
    package init() {}
    package func update(_ bytes: UnsafeRawBufferPointer) { stream.update(bytes) }
    /// 32 hex digits. Call once, last.
    package func finalize() -> String { stream.finalize().hex }
    package static func bytes(of data: some Collection<UInt8>) -> [UInt8] { oneShot(EVP_md5(), data) }
    package static func hex(of data: some Collection<UInt8>) -> String { bytes(of: data).hex }
}

private func oneShot(_ algorithm: OpaquePointer?, _ data: some Collection<UInt8>) -> [UInt8] {
    let stream = DigestStream(algorithm)
    let done: Void? = data.withContiguousStorageIfAvailable { stream.update(UnsafeRawBufferPointer($0)) }
    if done == nil { Array(data).withUnsafeBytes { stream.update($0) } }
    return stream.finalize()
}
