import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

/// Negotiates the microversion and tells it in both headers, on errors too.
struct MicroversionMiddleware: RouterMiddleware {
    typealias Context = APIRequestContext

    let errors: ErrorStyle

    func handle(
        _ request: Request, context: APIRequestContext, next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let asked = MicroversionRequest(
            standard: request.headers[.openStackAPIVersion], legacy: request.headers[.novaAPIVersion])
        var context = context
        do {
            context.microversion = try asked.negotiated()
        } catch {
            var response = errors.response(for: error, requestID: context.requestID)
            response.headers[.vary] = Self.vary
            return response
        }
        var response = try await next(request, context)
        response.headers[.openStackAPIVersion] = "compute \(context.microversion)"
        response.headers[.novaAPIVersion] = context.microversion.description
        response.headers[.vary] = Self.vary
        return response
    }

    private static let vary = "OpenStack-API-Version, X-OpenStack-Nova-API-Version"
}
