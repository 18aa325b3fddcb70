import CloudModel
import Foundation
import Tokens

/// A new Ed25519 key pair in OpenSSH's forms, for who asks for a key without bringing one. The private half is shown once and kept
/// nowhere.
struct GeneratedKey: Sendable {
    /// `ssh-ed25519 AAAA… comment`
    let publicKey: String
    /// `-----BEGIN OPENSSH PRIVATE KEY-----`, not encrypted.
    let privateKey: String

    init(comment: String) throws {
        let seed = SecureRandom.bytes(32)
        let point = try GrantSigningKey(seed: seed).publicKey.bytes
        var blob: [UInt8] = []
        blob.appendString("ssh-ed25519".utf8)
        blob.appendString(point)

        // OpenSSH, PROTOCOL.key: the private part begins with a number that is there twice, and is padded to 8 bytes by 1, 2, 3, …
        let check = SecureRandom.bytes(4)
        var secret = check + check
        secret.appendString("ssh-ed25519".utf8)
        secret.appendString(point)
        secret.appendString(seed + point)
        secret.appendString(comment.utf8)
        var padding: UInt8 = 1
        while secret.count % 8 != 0 {
            secret.append(padding)
            padding += 1
        }
        var file = Array("openssh-key-v1\0".utf8)
        file.appendString("none".utf8)
        file.appendString("none".utf8)
        file.appendString([])
        file.appendNumber(1)
        file.appendString(blob)
        file.appendString(secret)

        publicKey = "ssh-ed25519 \(Data(blob).base64EncodedString()) \(comment)"
        let base64 = Array(Data(file).base64EncodedString())
        let lines = stride(from: 0, to: base64.count, by: 70).map { String(base64[$0..<min($0 + 70, base64.count)]) }
        privateKey = """
            -----BEGIN OPENSSH PRIVATE KEY-----
            \(lines.joined(separator: "\n"))
            -----END OPENSSH PRIVATE KEY-----

            """
    }
}

extension [UInt8] {
    /// RFC 4251: a length in four bytes, then the bytes.
    fileprivate mutating func appendString(_ bytes: some Collection<UInt8>) {
        appendNumber(UInt32(bytes.count))
        append(contentsOf: bytes)
    }

    fileprivate mutating func appendNumber(_ number: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] { append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
