package import CloudModel
package import HTTPTypes
package import Hummingbird
import NIOCore

/// How a service words its errors. The status is chosen here, from the code, and nowhere else.
package enum ErrorStyle: Sendable {
    /// `{"error": {"code": 404, "message": …, "title": "Not Found"}}`
    case keystone
    /// `{"itemNotFound": {"code": 404, "message": …}}`
    case nova
    /// webob's page of HTML.
    case glance
    /// `{"error": {"code": "notFound", "status": 404, "message": …, "request_id": …}}`
    case meridian

    package static func status(_ code: CloudError.Code) -> HTTPResponse.Status {
        switch code {
        case .badRequest: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .notAcceptable: .notAcceptable
        case .conflict: .conflict
        case .gone: .gone
        case .tooLarge: .contentTooLarge
        case .unsupportedMediaType: .unsupportedMediaType
        case .rangeNotSatisfiable: .rangeNotSatisfiable
        case .overQuota: .forbidden
        case .internalError: .internalServerError
        case .notImplemented: .notImplemented
        case .unavailable: .serviceUnavailable
        case .timeout: .gatewayTimeout
        }
    }

    /// The whole answer. A 401 is always in Keystone's words: every OpenStack service has them from the same middleware.
    package func response(for error: CloudError, requestID: CloudModel.RequestID) -> Response {
        let status = Self.status(error.code)
        var headers = HTTPFields()
        if let retryAfter = error.retryAfter { headers[.retryAfter] = String(retryAfter) }
        switch self {
        case _ where status == .unauthorized, .keystone:
            return .json(status, headers: headers) {
                $0.object("error") {
                    $0.field("code", status.code)
                    $0.field("message", error.message)
                    $0.field("title", Self.title(status))
                }
            }
        case .nova:
            return .json(status, headers: headers) {
                $0.object(named: Self.novaName(status)) {
                    $0.field("code", status.code)
                    $0.field("message", error.message)
                    if let retryAfter = error.retryAfter { $0.field("retryAfter", String(retryAfter)) }
                }
            }
        case .glance:
            let title = "\(status.code) \(Self.title(status))"
            let page = """
                <html>
                 <head>
                  <title>\(title)</title>
                 </head>
                 <body>
                  <h1>\(title)</h1>
                  \(Self.escaped(error.message))<br /><br />


                 </body>
                </html>
                """
            headers[.contentType] = "text/html; charset=UTF-8"
            return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
        case .meridian:
            return .json(status, headers: headers) {
                $0.object("error") {
                    $0.field("code", error.code.rawValue)
                    $0.field("status", status.code)
                    $0.field("message", error.message)
                    $0.field("request_id", requestID)
                    if let retryAfter = error.retryAfter { $0.field("retry_after", retryAfter) }
                }
            }
        }
    }

    /// Nova's names of faults (nova/api/openstack/wsgi.py, Fault._fault_names).
    private static func novaName(_ status: HTTPResponse.Status) -> String {
        switch status.code {
        case 400: "badRequest"
        case 403: "forbidden"
        case 404: "itemNotFound"
        case 405: "badMethod"
        case 409: "conflictingRequest"
        case 413, 429: "overLimit"
        case 415: "badMediaType"
        case 501: "notImplemented"
        case 503: "serviceUnavailable"
        default: "computeFault"
        }
    }

    private static func title(_ status: HTTPResponse.Status) -> String {
        switch status.code {
        case 413: "Request Entity Too Large"
        case 416: "Requested Range Not Satisfiable"
        default: status.reasonPhrase
        }
    }

    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }
}
