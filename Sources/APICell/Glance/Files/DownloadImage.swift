import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird
import NIOCore
import Tokens
import _NIOFileSystem

/// A finished image's data, or a part of it.
struct Download: Sendable {
    var image: Image
    /// Bytes of the whole.
    var size: Int64
    /// nil: all of it.
    var range: ByteRange?
    var path: String

    /// Bytes read at once. Larger wastes memory on slow readers (two of these per download), smaller costs thread hops.
    static let chunk = 512 * 1024
    /// Bytes that the disk is asked for before they are read. An upload doesn't pass the page cache, so that the first download of an image
    /// waits for the disk: with less it would wait at every chunk, more takes memory from what others read.
    private static let ahead: Int64 = 4 << 20

    /// Sends it while the next chunk is read already, at the pace of a connection.
    func body(pacedBy connection: any EventLoop) -> ResponseBody {
        let (start, count, path) = (range?.start ?? 0, range?.count ?? size, path)
        return ResponseBody(contentLength: Int(count), pacedBy: connection) { writer in
            let file = try await FileSystem.shared.openFile(forReadingAt: FilePath(path))
            let readAhead = ReadAhead(path)
            do {
                var offset = start
                let end = start + count
                readAhead.expect(start, min(Self.ahead, count))
                var ahead = try await Self.read(file, offset, end)
                while ahead.readableBytes > 0 {
                    let chunk = ahead
                    offset += Int64(chunk.readableBytes)
                    let next = offset
                    readAhead.expect(next + Self.ahead - Int64(chunk.readableBytes), Int64(chunk.readableBytes))
                    async let reading = Self.read(file, next, end)
                    try await writer.write(chunk)
                    ahead = try await reading
                }
                guard offset == end else {
                    throw CloudError(.internalError, "The image's file is shorter than its record.", detail: path)
                }
                try await writer.finish(nil)
            } catch {
                try? await file.close()
                throw error
            }
            try await file.close()
        }
    }

    private static func read(_ file: ReadFileHandle, _ offset: Int64, _ end: Int64) async throws -> ByteBuffer {
        let count = min(Int64(chunk), end - offset)
        guard count > 0 else { return ByteBuffer() }
        return try await file.readChunk(fromAbsoluteOffset: offset, length: .bytes(count))
    }
}

extension GlanceService {
    /// What to send to a user. nil: the image has no data (204).
    func download(_ id: ImageID, range: String?, for caller: ImageCaller) async throws -> Download? {
        let image = try await visible(id, to: caller)
        guard caller.may(.download, image) else { throw ImagePolicy.refusal(.download) }
        guard image.status != .deactivated || caller.isAdmin else {
            throw CloudError(.forbidden, "The requested image has been deactivated. Image data download is forbidden.")
        }
        return try opened(image, range: range)
    }

    /// What to send to a host that holds a grant for this image and proves that the grant is its own: no token, and no policy, for the grant was
    /// signed for it. A stolen grant without the host's key is worth nothing, and a request that was overheard can't be made again.
    func download(_ id: ImageID, _ request: ImageRequest, grant text: String, proof: String?) async throws -> Download {
        try grantedRequests.admit(request, of: id, grant: text, proof: proof, key: grantKey, now: .now())
        guard let image = try await images.image(id) else {
            if try await images.wasDeleted(id) { throw CloudError(.gone, "The image \(id) has been deleted.") }
            throw Self.missing(id.description)
        }
        guard image.status == .active, let download = try opened(image, range: request.range) else {
            throw CloudError(.conflict, "The image \(id) is \(image.status.rawValue): it has no data to boot from.")
        }
        return download
    }

    private func opened(_ image: Image, range: String?) throws -> Download? {
        switch image.status {
        case .active, .deactivated:
            guard let size = files.size(of: image.id), size == image.size else {
                throw CloudError(
                    .internalError, "The image's data is missing from the store.", detail: files.path(of: image.id))
            }
            return Download(
                image: image, size: size, range: try ByteRange.parse(range, size: size), path: files.path(of: image.id))
        case .queued, .saving, .killed, .deleted: return nil
        }
    }
}
