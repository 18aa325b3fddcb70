import CellProtocol
import CloudModel
import Dispatch
import Foundation
import NIOCore
import Tokens

/// One image on its way to the disk: a temporary file, its checksum so far. The file is gone unless `keep` moved it to its place.
actor ImageDownload {
    private let image: ImageReference
    private let path: String
    private let descriptor: Int32
    private let digest = SHA512Digest()
    private var received: Int64 = 0
    private var isKept = false
    /// Syncing takes as long as the disk does: not on the threads that everybody shares.
    private static let disk = DispatchQueue(label: "meridian.images")

    init(_ image: ImageReference, at path: String) throws {
        self.image = image
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CloudError(.internalError, "The host can't store the image.", detail: "\(path): errno \(errno)")
        }
        // QEMU, which may run as another user, reads it, whatever the agent's umask is.
        fchmod(descriptor, 0o644)
    }

    deinit {
        close(descriptor)
        if !isKept { unlink(path) }
    }

    func take(_ piece: ByteBuffer) throws {
        received += Int64(piece.readableBytes)
        guard received <= image.size else {
            throw CloudError(.internalError, "The image's data is longer than it should be.", detail: "\(received) bytes")
        }
        try piece.withUnsafeReadableBytes { bytes in
            digest.update(bytes)
            do throws(FileFailure) {
                try bytes.writeAll(to: descriptor, path)
            } catch {
                throw CloudError(.internalError, "The host's disk is full.", detail: "\(path): errno \(error.code)")
            }
        }
    }

    /// Verifies, syncs, and moves it where others see it: whole, or not at all. Returns whether the data was the image's; throws where not
    /// all of it has come, or it can't be stored.
    func keep(as final: String) async throws -> Bool {
        guard received == image.size else {
            throw CloudError(.unavailable, "The transfer of the image broke off.", detail: "\(received) of \(image.size) bytes")
        }
        guard digest.finalize() == image.sha512 else { return false }
        let (descriptor, path) = (descriptor, path)
        let problem = await withCheckedContinuation { (done: CheckedContinuation<Int32, Never>) in
            Self.disk.async { done.resume(returning: fsync(descriptor) == 0 && rename(path, final) == 0 ? 0 : errno) }
        }
        guard problem == 0 else {
            throw CloudError(.internalError, "The host can't store the image.", detail: "\(final): errno \(problem)")
        }
        isKept = true
        return true
    }
}
