import CloudModel
import HTTPTypes
package import Hummingbird
import NIOCore

/// Reads a request's body as JSON. 413 over `limit` bytes, 415 when the client says it is something else, 400 when it is empty
/// or malformed. A body without a Content-Type is taken as JSON, as OpenStack does.
package func readJSON(_ request: Request, limit: Int = 112 * 1024) async throws -> JSONValue {
    if let type = request.headers[.contentType], !isJSON(type) {
        throw CloudError(.unsupportedMediaType, "The body is \(type.prefix(80)); this wants application/json.")
    }
    if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limit { throw tooLarge(limit) }
    let body: ByteBuffer
    do {
        body = try await request.body.collect(upTo: limit)
    } catch is NIOTooManyBytesError {
        throw tooLarge(limit)
    }
    guard body.readableBytes > 0 else { throw CloudError(.badRequest, "The request has no body; this wants a JSON object.") }
    return try JSONValue(parsing: body.readableBytesView)
}

private func isJSON(_ type: String) -> Bool {
    let media = type.split(separator: ";").first.map { $0.lowercased().filter { !$0.isWhitespace } } ?? ""
    return media == "application/json" || (media.hasPrefix("application/") && media.hasSuffix("+json"))
}

private func tooLarge(_ limit: Int) -> CloudError {
    CloudError(.tooLarge, "The request body is larger than \(limit) bytes.")
}
