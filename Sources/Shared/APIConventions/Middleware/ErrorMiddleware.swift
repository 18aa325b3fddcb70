package import CloudModel
import HTTPTypes
package import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import Observability

/// Turns whatever a route throws into the service's own error answer, and logs the whole chain when it is our fault.
package struct ErrorMiddleware: RouterMiddleware {
    package typealias Context = APIRequestContext

    private let style: ErrorStyle
    private let identityURL: String
    private let translate: @Sendable (any Error) -> CloudError?

    /// `identityURL` is told to whoever is refused (`WWW-Authenticate: Keystone uri="…"`). `translate` may know errors of other
    /// modules, such as a database that can't be reached; what it answers nil to is an internal error.
    package init(
        _ style: ErrorStyle, identityURL: String, translate: @escaping @Sendable (any Error) -> CloudError? = { _ in nil }
    ) {
        self.style = style
        self.identityURL = identityURL
        self.translate = translate
    }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            // A broken request stream can't be answered; Hummingbird closes the connection.
            if error is HTTPParserError { throw error }
            let known = cloudError(error, context)
            var response = style.response(for: known, requestID: context.requestID)
            if response.status == .unauthorized { response.headers[.wwwAuthenticate] = "Keystone uri=\"\(identityURL)\"" }
            if let error = error as? MethodNotAllowed { response.headers[.allow] = error.allowed }
            if response.status.code >= 500, known.code != .notImplemented {
                context.logger.error("request failed", metadata: [.error: "\(known)", .path: "\(request.uri.path)"])
            } else {
                context.logger.debug("request refused", metadata: [.error: "\(known)"])
            }
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    private func cloudError(_ error: any Error, _ context: Context) -> CloudError {
        switch error {
        case let error as CloudError: error
        case let error as HTTPError: Self.cloudError(error)
        case is MethodNotAllowed: CloudError(.methodNotAllowed, "The method is not allowed for the requested URL.")
        case is CancellationError:
            CloudError(.unavailable, "The service is stopping. Try again in a moment.", cause: error, retryAfter: 1)
        case is NIOTooManyBytesError: CloudError(.tooLarge, "The request body is too large.")
        default:
            translate(error)
                ?? CloudError(
                    .internalError,
                    "Something unexpected happened on our side. An operator finds it in the log under \(context.requestID).",
                    cause: error)
        }
    }

    /// Hummingbird's own errors: an unknown route, a parameter that isn't there.
    private static func cloudError(_ error: HTTPError) -> CloudError {
        switch error.status.code {
        case 404: CloudError(.notFound, "The resource could not be found.")
        case 405: CloudError(.methodNotAllowed, "The method is not allowed for the requested URL.")
        case 413: CloudError(.tooLarge, error.body ?? "The request body is too large.")
        case 400..<500: CloudError(.badRequest, error.body ?? "The request is malformed.")
        default: CloudError(.internalError, "Something unexpected happened on our side.", cause: error)
        }
    }
}
