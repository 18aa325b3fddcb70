import APIConventions
import CloudModel
import Hummingbird

/// `/v3/roles/{role}/implies`: whoever has the first role has the others too, in new tokens and in old ones.
struct ImpliedRoleRoutes: Sendable {
    let identity: Identity
    private var store: RoleStore { RoleStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("roles/{role}/implies", use: list)
        routes.put("roles/{role}/implies/{implied}", use: create)
        routes.get("roles/{role}/implies/{implied}", use: show)
        routes.head("roles/{role}/implies/{implied}", use: check)
        routes.delete("roles/{role}/implies/{implied}", use: delete)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_implied_roles", context)
        let prior = try await role(try context.parameter("role"))
        let implied = try await store.implications().filter { $0.prior.id == prior.id }.map(\.implied)
        return .json {
            $0.object("role_inference") {
                $0.object("prior_role") { $0.role(prior, identity) }
                $0.array("implies") { for role in implied { $0.object { $0.role(role, identity) } } }
            }
            $0.selfLink(identity.link("roles/\(prior.id)/implies"))
        }
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_implied_role", context)
        let (prior, implied) = (try await role(try context.parameter("role")), try await role(try context.parameter("implied")))
        // Whoever may be made an admin by a lesser role would make everyone one.
        guard implied.name != "admin", prior.id != implied.id else {
            throw CloudError(.forbidden, "The role \(implied.name) can't be implied by \(prior.name).")
        }
        try await store.imply(implied.id, by: prior.id)
        await identity.changed()
        return answer(.created, prior, implied)
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let (prior, implied) = try await known(context, "get_implied_role")
        return answer(.ok, prior, implied)
    }

    @Sendable func check(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try await known(context, "check_implied_role")
        return .empty()
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let (prior, implied) = try await known(context, "delete_implied_role")
        _ = try await store.stopImplying(implied.id, by: prior.id)
        await identity.changed()
        return .empty()
    }

    private func known(_ context: APIRequestContext, _ action: String) async throws -> (prior: RoleRow, implied: RoleRow) {
        _ = try identity.allow(action, context)
        let (prior, implied) = (try context.parameter("role"), try context.parameter("implied"))
        guard let pair = try await store.implications().first(where: { $0.prior.id == prior && $0.implied.id == implied })
        else {
            throw CloudError(.notFound, "\(prior.prefix(80)) does not imply \(implied.prefix(80)).")
        }
        return pair
    }

    private func role(_ id: String) async throws -> RoleRow {
        guard let role = try await store.role(id) else { throw Identity.notFound("role", id) }
        return role
    }

    private func answer(_ status: HTTPResponse.Status, _ prior: RoleRow, _ implied: RoleRow) -> Response {
        .json(status) {
            $0.object("role_inference") {
                $0.object("prior_role") { $0.role(prior, identity) }
                $0.object("implies") { $0.role(implied, identity) }
            }
            $0.selfLink(identity.link("roles/\(prior.id)/implies/\(implied.id)"))
        }
    }
}
