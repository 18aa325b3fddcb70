import APIConventions
import AsyncHTTPClient
import CloudModel
import HTTPTypes
import Hummingbird
import NIOCore
import Observability
import Tokens

extension HTTPField.Name {
    /// Whether the gateway had the image (`hit`) or Glance was asked for it (`miss`).
    static let meridianCache = known("X-Meridian-Cache")
}

/// Writes an image into the answer to a host, as Glance itself would, without ever holding more of it than a piece.
struct SendImage: Sendable {
    let find: FindImage
    let bytesServed: Counter

    /// Bytes read and sent at once. Larger is memory of each download (two of these), smaller costs hand-overs between threads.
    private static let piece: Int64 = 512 * 1024

    /// All of it.
    func callAsFunction(_ source: FindImage.Source, to host: HostRequest) throws -> Response {
        switch source {
        case .disk(let image): return try stored(image, to: host)
        case .past(let answer): return past(answer, to: host)
        case .transfer(let transfer, let facts):
            let body = ResponseBody(contentLength: Int(facts.size), pacedBy: host.connection) { writer in
                try await follow(transfer, facts, for: host, into: &writer)
                try await writer.finish(nil)
            }
            return Response(status: .ok, headers: Self.headers(facts.sha512, hit: false), body: body)
        }
    }

    /// What lies on the disk, or a part of it.
    func stored(_ image: StoredImage, to host: HostRequest) throws -> Response {
        let size = image.facts.size
        let range = try ByteRange.parse(host.request.range, size: size)
        let (start, count) = (range?.start ?? 0, range?.count ?? size)
        var headers = Self.headers(image.facts.sha512, hit: true)
        headers[.contentRange] = range?.header(of: size)
        let body = ResponseBody(contentLength: Int(count), pacedBy: host.connection) { writer in
            try await copy(image, from: start, to: start + count, into: &writer)
            try await writer.finish(nil)
        }
        return Response(status: range == nil ? .ok : .partialContent, headers: headers, body: body)
    }

    /// What Glance sends, as it comes.
    func past(_ answer: GlanceUpstream.Answer, to host: HostRequest) -> Response {
        var headers = Self.headers(answer.sha512, hit: false)
        headers[.contentRange] = answer.contentRange
        let (source, counter) = (answer.body, bytesServed)
        let body = ResponseBody(contentLength: answer.length.map { Int($0) }, pacedBy: host.connection) { writer in
            for try await piece in source {
                counter.increment(by: piece.readableBytes)
                try await writer.write(piece)
            }
            try await writer.finish(nil)
        }
        return Response(status: .init(code: answer.status), headers: headers, body: body)
    }

    /// Sends what a transfer brings while it is brought. Where one breaks, the next goes on: an image's bytes never change.
    private func follow(
        _ first: Transfer, _ facts: ImageFacts, for host: HostRequest, into writer: inout any ResponseBodyWriter
    ) async throws {
        var transfer = first
        var offset: Int64 = 0
        while offset < facts.size {
            switch try await transfer.supply(beyond: offset) {
            case .notYet: continue
            case .bytes(let image, let end):
                try await copy(image, from: offset, to: end, into: &writer)
                offset = end
            case .never:
                switch try await find(host) {
                case .transfer(let next, facts): transfer = next
                case .disk(let image) where image.facts == facts:
                    try await copy(image, from: offset, to: facts.size, into: &writer)
                    return
                case .disk, .transfer, .past: throw CloudError(.unavailable, "The transfer of the image broke off.")
                }
            }
        }
    }

    /// The next piece is read while one is sent.
    private func copy(
        _ image: StoredImage, from start: Int64, to end: Int64, into writer: inout any ResponseBodyWriter
    ) async throws {
        var ahead = try await Self.read(image, start, end)
        var offset = start
        while ahead.readableBytes > 0 {
            let piece = ahead
            offset += Int64(piece.readableBytes)
            let behind = offset
            async let next = Self.read(image, behind, end)
            bytesServed.increment(by: piece.readableBytes)
            try await writer.write(piece)
            ahead = try await next
        }
    }

    /// Nothing at the end.
    private static func read(_ image: StoredImage, _ offset: Int64, _ end: Int64) async throws -> ByteBuffer {
        guard offset < end else { return ByteBuffer() }
        return try await image.read(at: offset, count: Int(min(piece, end - offset)))
    }

    private static func headers(_ sha512: String?, hit: Bool) -> HTTPFields {
        var headers: HTTPFields = [
            .contentType: "application/octet-stream", .acceptRanges: "bytes", .meridianCache: hit ? "hit" : "miss",
        ]
        headers[.reprDigest] = sha512.flatMap(DigestField.text)
        return headers
    }
}
