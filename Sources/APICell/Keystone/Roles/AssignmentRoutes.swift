import APIConventions
import CloudModel
import Database
import Hummingbird
import Tokens

/// Who has which role where: `/v3/{projects/{p},domains/{d},system}/users/{u}/roles/{r}` and `/v3/role_assignments`.
struct AssignmentRoutes: Sendable {
    let identity: Identity
    private var store: AssignmentStore { AssignmentStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        for (base, scope) in [
            ("projects/{project}", Self.project), ("domains/{domain}", Self.domain), ("system", Self.system),
        ] {
            routes.get("\(base)/users/{user}/roles") { try await list($0, $1, scope) }
            let one = RouterPath("\(base)/users/{user}/roles/{role}")
            routes.put(one) { try await grant($0, $1, scope) }
            routes.get(one) { try await check($0, $1, scope) }
            routes.head(one) { try await check($0, $1, scope) }
            routes.delete(one) { try await revoke($0, $1, scope) }
        }
        routes.get("role_assignments", use: assignments)
    }

    private typealias ScopeReader = @Sendable (APIRequestContext, Identity) async throws -> TokenPayload.Scope

    /// Each finds out whether the target exists: a role somewhere that isn't would be a trap.
    @Sendable private static func project(_ context: APIRequestContext, _ identity: Identity) async throws -> TokenPayload.Scope
    {
        let id = ProjectID(try context.parameter("project"))
        guard try await ProjectStore(database: identity.database).project(id) != nil else {
            throw Identity.notFound("project", id.rawValue)
        }
        return .project(id)
    }

    @Sendable private static func domain(_ context: APIRequestContext, _ identity: Identity) async throws -> TokenPayload.Scope
    {
        let id = DomainID(try context.parameter("domain"))
        guard try await DomainStore(database: identity.database).domain(id) != nil else {
            throw Identity.notFound("domain", id.rawValue)
        }
        return .domain(id)
    }

    @Sendable private static func system(_ context: APIRequestContext, _ identity: Identity) async throws -> TokenPayload.Scope
    { .system }

    private func list(_ request: Request, _ context: APIRequestContext, _ scope: ScopeReader) async throws -> Response {
        _ = try identity.allow("list_grants", context)
        let user = try await user(context)
        let roles = try await store.roles(of: user, in: try await scope(context, identity))
        return identity.list("roles", roles, of: request) { $0.role($1, identity) }
    }

    private func grant(_ request: Request, _ context: APIRequestContext, _ scope: ScopeReader) async throws -> Response {
        _ = try identity.allow("create_grant", context)
        let role = try context.parameter("role")
        let user = try await user(context)
        do {
            try await store.grant(role, to: user, in: try await scope(context, identity))
        } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
            throw Identity.notFound("role", role)
        }
        await identity.changed()
        return .empty()
    }

    private func check(_ request: Request, _ context: APIRequestContext, _ scope: ScopeReader) async throws -> Response {
        _ = try identity.allow("check_grant", context)
        let role = try context.parameter("role")
        let roles = try await store.roles(of: try await user(context), in: try await scope(context, identity))
        guard roles.contains(where: { $0.id == role }) else { throw Self.noAssignment(role) }
        return .empty()
    }

    private func revoke(_ request: Request, _ context: APIRequestContext, _ scope: ScopeReader) async throws -> Response {
        _ = try identity.allow("revoke_grant", context)
        let role = try context.parameter("role")
        let removed = try await store.revoke(role, from: try await user(context), in: try await scope(context, identity))
        guard removed else { throw Self.noAssignment(role) }
        await identity.changed()
        return .empty()
    }

    @Sendable func assignments(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_role_assignments", context)
        let query = try request.query
        // There are no groups: nobody has a role through one.
        let rows =
            query.has("group.id")
            ? []
            : try await store.assignments(
                AssignmentFilter(
                    user: query["user.id"].map { UserID($0) }, role: query["role.id"],
                    project: query["scope.project.id"].map { ProjectID($0) },
                    domain: query["scope.domain.id"].map { DomainID($0) },
                    isSystem: query.has("scope.system"), isEffective: query.flag("effective")),
                limit: Identity.pageLimit)
        let withNames = query.flag("include_names")
        return identity.list("role_assignments", rows, of: request) { $0.assignment($1, identity, withNames: withNames) }
    }

    private func user(_ context: APIRequestContext) async throws -> UserID {
        let id = UserID(try context.parameter("user"))
        guard try await UserStore(database: identity.database).user(id) != nil else {
            throw Identity.notFound("user", id.rawValue)
        }
        return id
    }

    private static func noAssignment(_ role: String) -> CloudError {
        CloudError(.notFound, "Could not find role assignment with role: \(role.prefix(80)).")
    }
}

extension JSONWriter {
    mutating func assignment(_ row: AssignmentRow, _ identity: Identity, withNames: Bool) {
        object("role") {
            $0.field("id", row.role.id)
            if withNames { $0.field("name", row.role.name) }
        }
        object("user") {
            $0.field("id", row.user)
            if withNames {
                $0.field("name", row.userName)
                $0.object("domain") { $0.domain(row.userDomain) }
            }
        }
        let place: String
        switch row.scope {
        case .project(let project):
            place = "projects/\(project.id)"
            object("scope") {
                $0.object("project") {
                    $0.field("id", project.id)
                    if withNames {
                        $0.field("name", project.name)
                        $0.object("domain") { $0.domain(project.domain) }
                    }
                }
            }
        case .domain(let domain):
            place = "domains/\(domain.id)"
            object("scope") {
                $0.object("domain") {
                    $0.field("id", domain.id)
                    if withNames { $0.field("name", domain.name) }
                }
            }
        case .system, .unscoped:
            place = "system"
            object("scope") { $0.object("system") { $0.field("all", true) } }
        }
        object("links") { $0.field("assignment", identity.link("\(place)/users/\(row.user)/roles/\(row.role.id)")) }
    }
}
