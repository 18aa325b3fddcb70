import CloudModel
import Foundation
import NIOCore

/// The data of an image on its way in. Locked from creation to close; closed by `deinit` at the latest. Not for two threads at once.
final class PartFile: @unchecked Sendable {
    let path: String
    private let descriptor: Int32

    private var written = 0
    private var flushing = 0

    /// Bytes after which the kernel is told to start writing, so that the fsync at the end finds little left to do. Lower costs calls.
    private static let flushEvery = 8 << 20
    /// Buffers in one writev(2); the system's limit (IOV_MAX) is 1,024.
    private static let buffersPerWrite = 64

    init(creating path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(call: "open(2)", path: path) }
        // Between open and flock the janitor may have taken the file for dead; then it has no name any more, or is locked. Nobody
        // else makes a file of that name: it is the upload's own.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(path, F_OK) == 0 else {
            let failure = FileFailure(call: "flock(2)", path: path)
            close(descriptor)
            throw failure
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Appends all of it; blocks.
    func append(_ buffers: [ByteBuffer]) throws {
        for start in stride(from: 0, to: buffers.count, by: Self.buffersPerWrite) {
            try appendBatch(buffers[start..<min(start + Self.buffersPerWrite, buffers.count)])
        }
        if written - flushing >= Self.flushEvery {
            // Dirty pages of a range that isn't needed any more begin to be written at once (mm/fadvise.c); they stay cached until
            // that is done. Only a hint: the fsync in `sync` is what counts.
            _ = posix_fadvise(descriptor, off_t(flushing), off_t(written - flushing), POSIX_FADV_DONTNEED)
            flushing = written
        }
    }

    /// Makes the data durable; blocks.
    func sync() throws {
        guard fsync(descriptor) == 0 else { throw FileFailure(call: "fsync(2)", path: path) }
    }

    /// Gives it its final name, still locked, so that whoever looks before the row is active sees a living upload.
    func rename(to final: String) throws {
        guard Foundation.rename(path, final) == 0 else { throw FileFailure(call: "rename(2)", path: path) }
    }

    private func appendBatch(_ buffers: ArraySlice<ByteBuffer>) throws {
        var vectors: [iovec] = []
        vectors.reserveCapacity(buffers.count)
        // The buffers live until this function returns, and a ByteBuffer's storage doesn't move while it lives.
        try withExtendedLifetime(buffers) {
            for buffer in buffers {
                buffer.withUnsafeReadableBytes { bytes in
                    vectors.append(iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
                }
            }
            var first = 0
            while first < vectors.count {
                if vectors[first].iov_len == 0 {
                    first += 1
                    continue
                }
                let count = vectors.withUnsafeBufferPointer { all in
                    writev(descriptor, all.baseAddress.map { $0 + first }, Int32(all.count - first))
                }
                guard count >= 0 else {
                    if errno == EINTR { continue }
                    throw FileFailure(call: "writev(2)", path: path)
                }
                written += count
                var left = count
                while left > 0 {
                    let taken = min(left, vectors[first].iov_len)
                    vectors[first].iov_base = vectors[first].iov_base.map { $0 + taken }
                    vectors[first].iov_len -= taken
                    left -= taken
                    if vectors[first].iov_len == 0 { first += 1 }
                }
            }
        }
    }
}
