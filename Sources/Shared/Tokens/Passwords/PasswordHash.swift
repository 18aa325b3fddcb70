internal import COpenSSL

/// A password's scrypt hash (RFC 7914) in the form passlib and Keystone store: `$scrypt$ln=14,r=8,p=1$<salt>$<hash>`.
package struct PasswordHash: Sendable, Equatable {
    package struct Cost: Sendable, Equatable {
        /// log2 of N.
        package var ln: Int
        package var r: Int
        package var p: Int
        package init(ln: Int, r: Int, p: Int) {
            self.ln = ln
            self.r = r
            self.p = p
        }
        /// 16 MiB and about 40 ms of one core a try. One more doubling would be safer against a stolen table and would halve the
        /// logins an API node can take; one less makes guessing twice as cheap. Stored per hash, so it can be raised any day.
        package static let standard = Cost(ln: 14, r: 8, p: 1)

        /// A row of the database must not be able to make a login take a minute or a gigabyte.
        var isBearable: Bool {
            (1...18).contains(ln) && (1...16).contains(r) && (1...4).contains(p)
                && ln + r.bitWidth - r.leadingZeroBitCount <= 22
        }
        var memory: UInt64 { 128 * UInt64(r) * (UInt64(1) << UInt64(ln)) }
    }

    package let cost: Cost
    package let salt: [UInt8]
    package let digest: [UInt8]

    /// Computes the hash: expensive, see ``Cost/standard``. Use a ``PasswordHasher``, never a request's thread.
    package init(_ password: String, cost: Cost = .standard, salt: [UInt8] = SecureRandom.bytes(16)) throws {
        self.cost = cost
        self.salt = salt
        digest = try Self.derive(password, salt: salt, cost: cost, count: 32)
    }

    /// Reads the stored form; nil when it is something else or asks for an unbearable cost.
    package init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt" else { return nil }
        var numbers: [Substring: Int] = [:]
        for pair in parts[2].split(separator: ",") {
            let sides = pair.split(separator: "=")
            guard sides.count == 2, let value = Int(sides[1]) else { return nil }
            numbers[sides[0]] = value
        }
        guard let ln = numbers["ln"], let r = numbers["r"], let p = numbers["p"], let salt = Base64.decoded(parts[3]),
            let digest = Base64.decoded(parts[4]), digest.count >= 16, digest.count <= 64
        else { return nil }
        cost = Cost(ln: ln, r: r, p: p)
        guard cost.isBearable else { return nil }
        self.salt = salt
        self.digest = digest
    }

    package var text: String {
        "$scrypt$ln=\(cost.ln),r=\(cost.r),p=\(cost.p)$\(Base64.standardEncoded(salt))$\(Base64.standardEncoded(digest))"
    }

    /// Whether this is the password. Expensive.
    package func matches(_ password: String) throws -> Bool {
        isEqualInConstantTime(try Self.derive(password, salt: salt, cost: cost, count: digest.count), digest)
    }

    /// EVP_PBE_scrypt(3). Throws ``OpenSSLError`` when memory is refused.
    package static func derive(_ password: String, salt: [UInt8], cost: Cost, count: Int) throws -> [UInt8] {
        var out = [UInt8](repeating: 0, count: count)
        var password = password
        let result = password.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                EVP_PBE_scrypt(
                    $0.baseAddress, $0.count, salt, salt.count, UInt64(1) << UInt64(cost.ln), UInt64(cost.r), UInt64(cost.p),
                    cost.memory + (1 << 20), &out, count)
            }
        }
        guard result == 1 else { throw OpenSSLError("EVP_PBE_scrypt") }
        return out
    }
}
