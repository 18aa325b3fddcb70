internal import CZeroMQ
import CellProtocol
import CloudModel
import Foundation

/// A long-term CURVE key pair (Curve25519), both halves as 40 characters of Z85 (ZeroMQ RFC 32). The secret half never appears in a
/// description, a log or an error.
package struct CurveKeyPair: Sendable, Equatable, CustomStringConvertible {
    package let publicKey: String
    package let secretKey: String

    package init(publicKey: String, secretKey: String) {
        self.publicKey = publicKey
        self.secretKey = secretKey
    }

    /// A new pair, from the system's random numbers (zmq_curve_keypair(3)).
    package static func generate() -> CurveKeyPair {
        var publicKey = [CChar](repeating: 0, count: 41)
        var secretKey = [CChar](repeating: 0, count: 41)
        let result = zmq_curve_keypair(&publicKey, &secretKey)
        precondition(result == 0, "zmq_curve_keypair(3) failed: libzmq was built without CURVE")
        return CurveKeyPair(publicKey: text(publicKey), secretKey: text(secretKey))
    }

    /// Reads the two lines that `write` makes, `public = …` and `secret = …`. Throws `CloudError` naming the file.
    package static func load(_ file: String) throws -> CurveKeyPair {
        var values: [String: String] = [:]
        for line in try KeyFile.lines(of: file) {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, parts[0] == "public" || parts[0] == "secret", values[parts[0]] == nil else {
                throw CloudError(.badRequest, "\(file): one line 'public = KEY' and one line 'secret = KEY' are expected.")
            }
            values[parts[0]] = parts[1]
        }
        guard let publicKey = values["public"], let secretKey = values["secret"] else {
            throw CloudError(.badRequest, "\(file): one line 'public = KEY' and one line 'secret = KEY' are expected.")
        }
        guard CurvePublicKey(publicKey) != nil, let derived = derivePublic(of: secretKey) else {
            throw CloudError(.badRequest, "\(file): a key is 40 characters of Z85.")
        }
        guard derived == publicKey else {
            throw CloudError(.badRequest, "\(file): the public key doesn't belong to the secret one.")
        }
        return CurveKeyPair(publicKey: publicKey, secretKey: secretKey)
    }

    /// Writes both halves, for this user only (mode 0600). A reader sees the old file or the new one, never a part.
    package func write(to file: String) throws {
        try KeyFile.write("public = \(publicKey)\nsecret = \(secretKey)\n", to: file, mode: 0o600)
    }

    /// The same, unless there is such a file already, which then stays as it is: whoever goes on loads it.
    package func writeNew(to file: String) throws {
        let temporary = "\(file).\(UUID().uuidString)"
        defer { unlink(temporary) }
        try write(to: temporary)
        guard link(temporary, file) == 0 || errno == EEXIST else {
            throw CloudError(
                .internalError, "\(file): can't be written.", detail: "link(2): \(String(cString: strerror(errno)))")
        }
    }

    /// Writes the public half on one line, for everybody: what is put under `enrolled/`, or dialled (`keys/hub.pub`).
    package func writePublicKey(to file: String) throws { try Self.writePublicKey(publicKey, to: file) }

    /// The same for somebody else's public half.
    package static func writePublicKey(_ key: String, to file: String) throws {
        try KeyFile.write("\(key)\n", to: file, mode: 0o644)
    }

    /// Reads a file with one public key. Throws `CloudError` naming the file.
    package static func loadPublicKey(_ file: String) throws -> String {
        let lines = try KeyFile.lines(of: file)
        guard lines.count == 1, CurvePublicKey(lines[0]) != nil else {
            throw CloudError(.badRequest, "\(file): one line with a public key of 40 characters of Z85 is expected.")
        }
        return lines[0]
    }

    package var description: String { "key \(publicKey)" }

    private static func derivePublic(of secretKey: String) -> String? {
        guard CurvePublicKey(secretKey) != nil else { return nil }
        var publicKey = [CChar](repeating: 0, count: 41)
        guard zmq_curve_public(&publicKey, secretKey) == 0 else { return nil }
        return text(publicKey)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// Small text files with keys.
enum KeyFile {
    /// A key file is a hundred bytes; anything larger is something else.
    private static let largest = 4_096

    /// Lines that are neither empty nor a comment (`#`, which is a character of Z85 too: only at the start followed by a space).
    static func lines(of file: String) throws -> [String] {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw CloudError(.notFound, "\(file): can't be opened.", detail: String(cString: strerror(errno)))
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: largest + 1) ?? Data()
        } catch {
            throw CloudError(.badRequest, "\(file): can't be read.", cause: error)
        }
        guard data.count <= largest, let text = String(validating: data, as: UTF8.self) else {
            throw CloudError(.badRequest, "\(file): is not a key file.")
        }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("# ") }
    }

    static func write(_ text: String, to file: String, mode: mode_t) throws {
        let temporary = file + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("open(2)", file) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        let isKept = written == bytes.count && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        let problem = failure("write(2)", file)
        close(descriptor)
        guard isKept else {
            unlink(temporary)
            throw problem
        }
        guard rename(temporary, file) == 0 else { throw failure("rename(2)", file) }
    }

    private static func failure(_ call: String, _ file: String) -> CloudError {
        CloudError(.internalError, "\(file): can't be written.", detail: "\(call): \(String(cString: strerror(errno)))")
    }
}
