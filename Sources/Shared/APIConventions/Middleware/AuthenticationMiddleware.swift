import CloudModel
import HTTPTypes
package import Hummingbird
import Logging
import Observability

/// Lets only bearers of a valid token through, as `context.caller`. What the client itself claims to be (the headers that
/// OpenStack's own middleware hands on) is removed first.
package struct AuthenticationMiddleware: RouterMiddleware {
    package typealias Context = APIRequestContext

    private let authenticator: any TokenAuthenticator

    package init(_ authenticator: any TokenAuthenticator) { self.authenticator = authenticator }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let token = request.headers[.authToken], !token.isEmpty else { throw CloudError.requiresAuthentication }
        let caller = try await authenticator.authenticate(token: token)
        var context = context
        context.authenticatedCaller = caller
        context.logger[metadataKey: .user] = .string(caller.userID.rawValue)
        if let project = caller.projectID { context.logger[metadataKey: .project] = .string(project.rawValue) }
        return try await next(Self.withoutClaims(request), context)
    }

    private static func withoutClaims(_ request: Request) -> Request {
        guard request.headers.contains(where: { isClaim($0.name) }) else { return request }
        var head = request.head
        head.headerFields = HTTPFields(head.headerFields.filter { !isClaim($0.name) })
        return Request(head: head, body: request.body)
    }

    private static func isClaim(_ name: HTTPField.Name) -> Bool {
        let name = name.canonicalName
        return claims.contains(name) || claimPrefixes.contains { name.hasPrefix($0) }
    }

    /// keystonemiddleware's list (auth_token/_request.py).
    private static let claims: Set<String> = [
        "x-identity-status", "x-roles", "x-role", "x-user", "x-tenant", "x-tenant-id", "x-tenant-name",
    ]
    private static let claimPrefixes = [
        "x-user-", "x-project-", "x-domain-", "x-service-", "x-system-", "openstack-system-", "x-is-admin",
    ]
}
