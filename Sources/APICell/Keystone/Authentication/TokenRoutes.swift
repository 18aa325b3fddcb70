import APIConventions
import CloudModel
import Database
import HTTPTypes
import Hummingbird
import Tokens

/// `/v3/auth/…`.
struct TokenRoutes: Sendable {
    let identity: Identity

    func add(open: APIRoutes, closed: APIRoutes) {
        open.post("auth/tokens", use: issue)
        closed.get("auth/tokens", use: show)
        closed.delete("auth/tokens", use: revoke)
        closed.get("auth/catalog", use: catalog)
        closed.get("auth/projects", use: projects)
        closed.get("auth/domains", use: domains)
        closed.get("auth/system", use: system)
    }

    /// A login is small; its longest part is a token.
    private static let bodyLimit = 16 * 1024

    @Sendable func issue(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let body = try await readJSON(request, limit: Self.bodyLimit)
        let (text, token) = try await IssueToken(identity: identity)(try AuthenticationRequest(body))
        return try await answer(.created, token, text, request)
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let (text, token) = try await subject(of: request)
        _ = try identity.allow("validate_token", context, on: ["target.token.user_id": token.payload.userID.rawValue])
        return try await answer(.ok, token, text, request)
    }

    @Sendable func revoke(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let (_, token) = try await subject(of: request)
        _ = try identity.allow("revoke_token", context, on: ["target.token.user_id": token.payload.userID.rawValue])
        try await TokenStore(database: identity.database).revoke(token.payload, now: .now())
        await identity.changed()
        return .empty()
    }

    @Sendable func catalog(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        guard let project = try context.caller.projectID else {
            throw CloudError(.forbidden, "A token scoped to a project is needed: the catalog is a project's.")
        }
        let catalog = try await identity.catalog.current().json(for: project)
        return .json {
            $0.field("catalog", rawJSON: catalog)
            $0.object("links") {
                $0.field("next", nil as String?)
                $0.field("self", identity.link("auth/catalog"))
                $0.field("previous", nil as String?)
            }
        }
    }

    @Sendable func projects(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let projects = try await ProjectStore(database: identity.database).projects(of: try context.caller.userID)
        return identity.list("projects", projects, of: request) { $0.project($1, identity) }
    }

    @Sendable func domains(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let domains = try await DomainStore(database: identity.database).domains(of: try context.caller.userID)
        return identity.list("domains", domains, of: request) { $0.domain($1, identity) }
    }

    @Sendable func system(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let user = try context.caller.userID
        let roles = try await AssignmentStore(database: identity.database).roles(of: user, in: .system)
        return .json { $0.array("system") { if !roles.isEmpty { $0.object { $0.field("all", true) } } } }
    }

    /// The token in X-Subject-Token. One that doesn't hold is simply not found.
    private func subject(of request: Request) async throws -> (text: String, token: ValidToken) {
        guard let text = request.headers[.subjectToken], !text.isEmpty else {
            throw CloudError(.notFound, "Could not find token: the request names none in X-Subject-Token.")
        }
        do {
            return (text, try await identity.validity.validate(text))
        } catch let error as CloudError where error.code == .unauthorized {
            throw CloudError(.notFound, "Could not find token.")
        }
    }

    private func answer(_ status: HTTPResponse.Status, _ token: ValidToken, _ text: String, _ request: Request) async throws
        -> Response
    {
        let wantsCatalog = try !request.query.has("nocatalog") && token.subject.scope != .unscoped
        let catalog = wantsCatalog ? try await identity.catalog.current().json(for: token.caller.projectID) : nil
        return .json(
            status, headers: [.subjectToken: text, .vary: "X-Auth-Token"], capacity: 1024 + (catalog?.utf8.count ?? 0)
        ) {
            $0.token(token, catalog: catalog)
        }
    }
}
