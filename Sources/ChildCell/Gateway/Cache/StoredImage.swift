import CloudModel
import Foundation
import NIOCore
import NIOPosix

/// An open file with an image's data, or with as much of it as has come. Eviction takes its name, not what is being read.
final class StoredImage: Sendable {
    let facts: ImageFacts
    private let path: String
    private let descriptor: Int32

    /// Throws `FileFailure` where there is no such file.
    init(reading path: String, _ facts: ImageFacts) throws(FileFailure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("open(2)", path) }
        self.path = path
        self.facts = facts
        // It is read from the front to the back: the kernel reads ahead twice as far.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit { close(descriptor) }

    /// Bytes that the file has.
    var length: Int64 {
        var found = stat()
        return fstat(descriptor, &found) == 0 ? Int64(found.st_size) : 0
    }

    /// Exactly that many bytes, read off the event loops. Throws `FileFailure` where there are fewer.
    func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive { [self] in
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            while buffer.readableBytes < count {
                let left = count - buffer.readableBytes
                let at = off_t(offset) + off_t(buffer.readableBytes)
                let read = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: left) { space in
                    max(0, pread(descriptor, space.baseAddress, left, at))
                }
                guard read > 0 else { throw FileFailure("pread(2)", path) }
            }
            return buffer
        }
    }
}
