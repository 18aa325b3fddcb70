import CloudModel
import Foundation
import NIOCore

/// The data of an image on its way in. Locked from creation to close; closed by `deinit` at the latest. Not for two threads at once.
///
/// It goes to the disk past the page cache (open(2), O_DIRECT): a copy through the cache costs the processor three times as much, which
/// an upload needs for its two hashes, and leaves a long fsync for the end. What is less than a block at the end goes the usual way, and
/// all of it where a file system knows no other.
final class PartFile: @unchecked Sendable {
    let path: String
    private let descriptor: Int32
    /// What waits to be a whole block.
    private let block: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var isDirect: Bool

    /// Bytes written at once. Smaller costs calls that each wait for the disk, larger is memory of each upload.
    private static let blockSize = 1 << 20
    /// What O_DIRECT asks of addresses, positions and lengths, on any disk.
    private static let alignment = 4096
    /// Glibc shows O_DIRECT to C alone (asm/fcntl.h).
    #if arch(arm64)
    private static let direct: Int32 = 0o200000
    #else
    private static let direct: Int32 = 0o40000
    #endif

    init(creating path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure("open(2)", path) }
        // Between open and flock the janitor may have taken the file for dead; then it has no name any more, or is locked. Nobody
        // else makes a file of that name: it is the upload's own.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, access(path, F_OK) == 0 else {
            let failure = FileFailure("flock(2)", path)
            close(descriptor)
            throw failure
        }
        self.path = path
        self.descriptor = descriptor
        block = .allocate(byteCount: Self.blockSize, alignment: Self.alignment)
        isDirect = fcntl(descriptor, F_SETFL, Self.direct) == 0
    }

    deinit {
        close(descriptor)
        block.deallocate()
    }

    /// Appends all of it; blocks.
    func append(_ buffers: [ByteBuffer]) throws {
        for buffer in buffers { try buffer.withUnsafeReadableBytes(append) }
    }

    /// Makes the data durable; blocks. Nothing can be appended afterwards.
    func sync() throws {
        // The rest is no whole block.
        leaveDirect()
        try writeBlock()
        guard fsync(descriptor) == 0 else { throw FileFailure("fsync(2)", path) }
    }

    /// Gives it its final name, still locked, so that whoever looks before the row is active sees a living upload.
    func rename(to final: String) throws {
        guard Foundation.rename(path, final) == 0 else { throw FileFailure("rename(2)", path) }
    }

    private func append(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(block.count - filled)
            UnsafeMutableRawBufferPointer(rebasing: block[filled...]).copyMemory(from: UnsafeRawBufferPointer(rebasing: piece))
            filled += piece.count
            rest = rest.dropFirst(piece.count)
            if filled == block.count { try writeBlock() }
        }
    }

    private func writeBlock() throws {
        var start = 0
        while start < filled {
            let count = write(descriptor, block.baseAddress.map { $0 + start }, filled - start)
            if count < 0 {
                if errno == EINTR { continue }
                guard errno == EINVAL, isDirect else { throw FileFailure("write(2)", path) }
                // This file system wants more than blocks.
                leaveDirect()
                continue
            }
            start += count
            // Where the disk is full, or nearly so, the next write may be of any length.
            if start < filled { leaveDirect() }
        }
        filled = 0
    }

    private func leaveDirect() {
        guard isDirect else { return }
        isDirect = false
        // Nothing to be done if it can't be: the write will say so.
        _ = fcntl(descriptor, F_SETFL, 0)
    }
}
