import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

/// Registers handlers that see a `NovaRequest` under one prefix.
struct NovaRoutes {
    typealias Handler = @Sendable (NovaRequest) async throws -> Response

    let service: NovaService
    let group: APIRoutes

    func get(_ path: RouterPath, _ handler: @escaping Handler) { on(.get, path, handler) }
    func post(_ path: RouterPath, _ handler: @escaping Handler) { on(.post, path, handler) }
    func put(_ path: RouterPath, _ handler: @escaping Handler) { on(.put, path, handler) }
    func delete(_ path: RouterPath, _ handler: @escaping Handler) { on(.delete, path, handler) }

    private func on(_ method: HTTPRequest.Method, _ path: RouterPath, _ handler: @escaping Handler) {
        let publicURL = service.publicURL
        let policy = service.policy
        group.on(path, method: method) { request, context in
            try await handler(try NovaRequest(request, context, publicURL: publicURL, policy: policy))
        }
    }
}
