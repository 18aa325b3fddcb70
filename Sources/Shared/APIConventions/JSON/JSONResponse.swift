package import HTTPTypes
package import Hummingbird
import NIOCore

extension Response {
    /// A JSON answer: `.json(.ok) { $0.object("server") { … } }`. The body is always an object.
    package static func json(
        _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], capacity: Int = 512,
        _ body: (inout JSONWriter) throws -> Void
    ) rethrows -> Response {
        var writer = JSONWriter(capacity: capacity)
        try writer.object(body)
        return .json(status, headers: headers, bytes: writer.bytes)
    }

    /// JSON that is already written.
    package static func json(_ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], bytes: [UInt8]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// 204, or another status without a body.
    package static func empty(_ status: HTTPResponse.Status = .noContent, headers: HTTPFields = [:]) -> Response {
        Response(status: status, headers: headers)
    }
}
