internal import COpenSSL

/// Bytes that nobody can guess (RAND_bytes, seeded by the kernel).
package enum SecureRandom {
    /// A process that can't get randomness must not go on handing out keys and tokens: it stops.
    package static func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard RAND_bytes(&bytes, Int32(count)) == 1 else { preconditionFailure("\(OpenSSLError("RAND_bytes"))") }
        return bytes
    }
}

/// Compares in time that depends on the lengths alone, so that an answer's delay doesn't tell how much was right.
package func isEqualInConstantTime(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    let left = Array(left)
    let right = Array(right)
    guard left.count == right.count else { return false }
    return CRYPTO_memcmp(left, right, left.count) == 0
}
