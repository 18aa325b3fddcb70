import APIConventions
import CloudModel
import Database
import Hummingbird
import Tokens

/// `/v3/users`.
struct UserRoutes: Sendable {
    let identity: Identity
    private var store: UserStore { UserStore(database: identity.database) }

    private static let known: Set<String> = [
        "id", "name", "domain_id", "description", "enabled", "default_project_id", "password", "original_password", "options",
        "links",
        "password_expires_at",
    ]

    func add(to routes: APIRoutes) {
        routes.get("users", use: list)
        routes.post("users", use: create)
        routes.get("users/{user}", use: show)
        routes.patch("users/{user}", use: update)
        routes.delete("users/{user}", use: delete)
        routes.post("users/{user}/password", use: changePassword)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_users", context)
        let query = try request.query
        let paging = try Paging(query, maximum: Identity.pageLimit)
        var filter = UserFilter(name: query["name"], domain: query["domain_id"].map { DomainID($0) })
        if query.has("enabled") { filter.enabled = query.flag("enabled") }
        let users = try await store.users(filter, after: paging.marker, limit: paging.limit)
        let next = paging.next(
            after: users.last?.id.rawValue, count: users.count, path: "\(identity.baseURL)\(request.uri.path)", query: query)
        return identity.list("users", users, of: request, next: next) { $0.user($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let id = try context.parameter("user")
        _ = try identity.allow("get_user", context, on: ["user_id": id])
        return answer(.ok, try await find(id))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let caller = try identity.allow("create_user", context)
        let fields = try JSONFields(try await readJSON(request), in: "user")
        let user = UserRow(
            id: UserID(Identity.newID()), name: try fields.resourceName("name"),
            domain: DomainID(
                try fields.optionalString("domain_id") ?? caller.projectDomainID?.rawValue ?? caller.userDomainID.rawValue),
            description: try fields.optionalString("description", length: 0...4096),
            enabled: try fields.optionalBool("enabled", allowingWords: false) ?? true,
            defaultProject: try fields.optionalString("default_project_id").map { ProjectID($0) },
            extra: try fields.extra(besides: Self.known))
        let hash = try await hash(try fields.optionalString("password", length: 0...4096))
        try await storing("user", "\(user.name) at domain ID \(user.domain)") {
            do {
                try await store.insert(user, passwordHash: hash)
            } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
                throw Identity.notFound("domain", user.domain.rawValue)
            }
        }
        await identity.changed()
        return answer(.created, user)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_user", context)
        let fields = try JSONFields(try await readJSON(request), in: "user")
        var user = try await find(try context.parameter("user"))
        if let domain = try fields.optionalString("domain_id"), domain != user.domain.rawValue {
            throw CloudError(.badRequest, "A user can't move to another domain.")
        }
        if fields.has("name") { user.name = try fields.resourceName("name") }
        if fields.has("description") { user.description = try fields.optionalString("description", length: 0...4096) }
        if let enabled = try fields.optionalBool("enabled", allowingWords: false) { user.enabled = enabled }
        if fields.has("default_project_id") {
            user.defaultProject = try fields.optionalString("default_project_id").map { ProjectID($0) }
        }
        user.extra = user.extra.patched(with: try fields.extra(besides: Self.known))
        let changed = user
        let hash = try await hash(try fields.optionalString("password", length: 0...4096))
        try await storing("user", "\(changed.name) at domain ID \(changed.domain)") { try await store.update(changed) }
        if let hash { try await store.setPassword(of: user.id, hash: hash, now: .now()) }
        await identity.changed()
        return answer(.ok, user)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_user", context)
        let id = try context.parameter("user")
        guard try await store.delete(UserID(id)) else { throw Identity.notFound("user", id) }
        await identity.changed()
        return .empty()
    }

    /// The user's own change: the old password is the proof. Administrators set passwords with PATCH.
    @Sendable func changePassword(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let id = UserID(try context.parameter("user"))
        _ = try identity.allow("change_password", context, on: ["user_id": id.rawValue])
        let fields = try JSONFields(try await readJSON(request), in: "user")
        let old = try fields.string("original_password", length: 0...4096)
        let new = try fields.string("password", length: 1...4096)
        guard try await identity.hasher.matches(old, stored: try await store.passwordHash(of: id)) else {
            throw CloudError.requiresAuthentication
        }
        try await store.setPassword(of: id, hash: try await identity.hasher.hash(new), now: .now())
        await identity.changed()
        return .empty()
    }

    private func hash(_ password: String?) async throws -> String? {
        guard let password else { return nil }
        return try await identity.hasher.hash(password)
    }

    private func find(_ id: String) async throws -> UserRow {
        guard let user = try await store.user(UserID(id)) else { throw Identity.notFound("user", id) }
        return user
    }

    private func answer(_ status: HTTPResponse.Status, _ user: UserRow) -> Response {
        .json(status) { $0.object("user") { $0.user(user, identity) } }
    }
}
