import CloudModel
import Foundation
import NIOCore
import NIOPosix
import Tokens

/// The file of an image on its way: gone unless `finish` gave it its name. Not for two tasks at once; it blocks on NIO's threads for files.
final class IncomingFile: @unchecked Sendable {
    /// The same file, for those who read behind the writer.
    let stored: StoredImage
    private let path: String
    private let descriptor: Int32
    private let digest = SHA512Digest()
    private var received: Int64 = 0
    private var hasName = false

    /// Takes the room for all of it at once, so that a full disk shows before the first byte. Throws `FileFailure`.
    static func create(at path: String, _ facts: ImageFacts) async throws -> IncomingFile {
        try await NIOThreadPool.singleton.runIfActive { try IncomingFile(at: path, facts) }
    }

    private init(at path: String, _ facts: ImageFacts) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure("open(2)", path) }
        self.path = path
        do {
            let failure = posix_fallocate(descriptor, 0, off_t(facts.size))
            guard failure == 0 else { throw FileFailure("posix_fallocate(3)", path, code: failure) }
            stored = try StoredImage(reading: path, facts)
        } catch {
            close(descriptor)
            unlink(path)
            throw error
        }
    }

    deinit {
        close(descriptor)
        if !hasName { unlink(path) }
    }

    /// Writes the next bytes; returns how many there are now.
    func append(_ piece: ByteBuffer) async throws -> Int64 {
        try await NIOThreadPool.singleton.runIfActive { [self] in
            received += Int64(piece.readableBytes)
            guard received <= stored.facts.size else {
                throw CloudError(.unavailable, "The image's data is longer than Glance said.", detail: "\(received) bytes")
            }
            try piece.withUnsafeReadableBytes { bytes in
                digest.update(bytes)
                try bytes.writeAll(to: descriptor, path)
            }
            return received
        }
    }

    /// Verifies, syncs, and gives it its name: whole, or not at all.
    func finish(as final: String) async throws {
        try await NIOThreadPool.singleton.runIfActive { [self] in
            guard received == stored.facts.size else {
                throw CloudError(
                    .unavailable, "The transfer of the image broke off.", detail: "\(received) of \(stored.facts.size) bytes")
            }
            guard digest.finalize() == stored.facts.sha512 else {
                throw CloudError(.unavailable, "The image's data doesn't match its checksum.")
            }
            guard fsync(descriptor) == 0 else { throw FileFailure("fsync(2)", path) }
            guard rename(path, final) == 0 else { throw FileFailure("rename(2)", final) }
            hasName = true
        }
    }
}
