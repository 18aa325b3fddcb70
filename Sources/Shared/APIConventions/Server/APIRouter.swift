package import CloudModel
package import Hummingbird

/// The router of one service. HEAD is answered wherever GET is.
package typealias APIRouter = Router<APIRequestContext>
/// A part of it under one path, with middlewares of its own.
package typealias APIRoutes = RouterGroup<APIRequestContext>

extension Router where Context == APIRequestContext {
    /// A router with what every service has: request id and access log outermost, then the service's error words.
    /// Add ``AuthenticationMiddleware`` to the groups that need a token.
    package static func service(
        _ name: String, errors: ErrorStyle, identityURL: String, tellsComputeID: Bool = false,
        translate: @escaping @Sendable (any Error) -> CloudError? = { _ in nil }
    ) -> APIRouter {
        let router = APIRouter(context: APIRequestContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: RequestIDMiddleware(service: name, tellsComputeID: tellsComputeID))
        router.add(middleware: ErrorMiddleware(errors, identityURL: identityURL, translate: translate))
        return router
    }

    /// Answers 405 with `Allow` for every known path asked with another method. Call once, after the last route.
    func refuseOtherMethods() {
        var known: [String: (path: RouterPath, methods: Set<HTTPRequest.Method>)] = [:]
        for route in routes { known[route.path.description, default: (route.path, [])].methods.insert(route.method) }
        for (path, methods) in known.values {
            var allowed = methods
            if methods.contains(.get) { allowed.insert(.head) }
            let list = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete] where !allowed.contains(method) {
                on(path, method: method) { _, context -> Response in throw MethodNotAllowed(allowed: list) }
            }
        }
    }
}

/// Carries the `Allow` header to the error middleware.
struct MethodNotAllowed: Error {
    let allowed: String
}
