import CloudModel
import Foundation
import Logging
import NIOCore
import Observability

/// What the client says of the data that it sends.
struct UploadHeaders: Sendable {
    /// `Content-Length`; nil for a chunked body.
    var length: Int64?
    /// `Content-MD5`, base64 of the digest, as hex; nil when not sent.
    var md5: String?
    /// `Content-Digest: sha-512=:…:` (RFC 9530), as hex; nil when not sent.
    var sha512: String?
}

extension GlanceService {
    /// Takes the data of a queued image in. In this order, so that dying anywhere leaves no half image active:
    /// a locked part file, the row to saving, the data, fsync, rename, fsync of the directory, the row to active.
    func upload<Body: AsyncSequence>(_ body: Body, to id: ImageID, _ headers: UploadHeaders, by caller: ImageCaller)
        async throws
    where Body.Element == ByteBuffer {
        let image = try await image(id, to: .upload, by: caller)
        try requireReady(image)
        try requireLength(headers.length)
        try admitUpload()
        defer { releaseUpload() }

        let upload = UUID()
        let part = try files.createPart(of: id, upload: upload)
        do {
            guard try await uploads.begin(upload, of: id, at: .now()) else { throw Self.notQueued(id) }
        } catch {
            files.removePart(of: id, upload: upload)
            throw error
        }
        do {
            let data = try await receive(body, into: part, headers)
            try part.rename(to: files.path(of: id))
            try files.syncDirectory()
            guard try await uploads.complete(upload, of: id, data, at: .now()) else {
                try files.remove(id)
                throw CloudError(.gone, "The image \(id) was deleted while its data was on its way.")
            }
            bytesReceived.increment(by: Int(data.size))
            log.info("image active", metadata: [.image: "\(id)", .size: "\(data.size)"])
        } catch {
            await giveUp(upload, of: id, because: error)
            throw error
        }
    }

    private func receive<Body: AsyncSequence>(_ body: Body, into part: PartFile, _ headers: UploadHeaders) async throws
        -> ReceivedData
    where Body.Element == ByteBuffer {
        let intake = ImageIntake(into: part)
        do {
            var segment: [ByteBuffer] = []
            var segmentBytes = 0
            var total: Int64 = 0
            for try await buffer in body {
                total += Int64(buffer.readableBytes)
                guard total <= limits.imageSize else { throw tooLarge() }
                segment.append(buffer)
                segmentBytes += buffer.readableBytes
                if segmentBytes >= ImageIntake.segmentSize {
                    try await intake.take(segment)
                    segment.removeAll(keepingCapacity: true)
                    segmentBytes = 0
                }
            }
            if let length = headers.length, length != total {
                throw CloudError(.badRequest, "The upload ended after \(total) of \(length) bytes.")
            }
            if !segment.isEmpty { try await intake.take(segment) }
            let data = try await intake.finish()
            try Self.compare(headers.md5, data.md5, "MD5")
            try Self.compare(headers.sha512, data.sha512, "SHA-512")
            return data
        } catch {
            await intake.abort()
            throw error
        }
    }

    /// An upload that failed: the row becomes killed and the files go. Should that fail too, the janitor does it.
    private func giveUp(_ upload: UUID, of id: ImageID, because reason: any Error) async {
        log.warning("image upload failed", metadata: [.image: "\(id)", .error: "\(reason)"])
        files.removePart(of: id, upload: upload)
        do {
            // The task may be cancelled (the client is gone); its last word must reach the database all the same.
            _ = try await Task { [uploads] in try await uploads.fail(upload, of: id, at: .now()) }.value
        } catch {
            log.error("failed upload left to the janitor", metadata: [.image: "\(id)", .error: "\(error)"])
        }
    }

    // MARK: - Refusals

    private func requireReady(_ image: Image) throws {
        let missing = [
            image.containerFormat == nil ? "container_format" : nil, image.diskFormat == nil ? "disk_format" : nil,
        ].compactMap(\.self)
        guard missing.isEmpty else {
            throw CloudError(.badRequest, "Properties \(missing.joined(separator: ", ")) must be set prior to saving data.")
        }
        guard image.status.after(.beginUpload) != nil else { throw Self.notQueued(image.id, image.status) }
    }

    private func requireLength(_ length: Int64?) throws {
        guard let length else { return }
        guard length <= limits.imageSize else { throw tooLarge() }
    }

    private func tooLarge() -> CloudError {
        CloudError(.tooLarge, "Image exceeds the storage quota: an image has at most \(limits.imageSize) bytes here.")
    }

    private static func notQueued(_ id: ImageID, _ status: ImageStatus? = nil) -> CloudError {
        CloudError(
            .conflict,
            "Image status transition from \(status?.rawValue ?? "its present state") to saving is not allowed: only a queued image takes data."
        )
    }

    private static func compare(_ promised: String?, _ received: String, _ name: String) throws {
        guard let promised, promised != received else { return }
        throw CloudError(.badRequest, "The data's \(name) is \(received), but the request promised \(promised).")
    }
}
