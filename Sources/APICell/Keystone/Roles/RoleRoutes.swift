import APIConventions
import CloudModel
import Hummingbird

/// `/v3/roles` and `/v3/role_inferences`.
struct RoleRoutes: Sendable {
    let identity: Identity
    private var store: RoleStore { RoleStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("roles", use: list)
        routes.post("roles", use: create)
        routes.get("roles/{role}", use: show)
        routes.patch("roles/{role}", use: update)
        routes.delete("roles/{role}", use: delete)
        routes.get("role_inferences", use: inferences)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_roles", context)
        let query = try request.query
        // Roles of a domain don't exist here: asking for them gives none.
        let roles = query["domain_id"] == nil ? try await store.roles(name: query["name"]) : []
        return identity.list("roles", roles, of: request) { $0.role($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("get_role", context)
        return answer(.ok, try await find(context))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_role", context)
        let fields = try JSONFields(try await readJSON(request), in: "role")
        guard try fields.optionalString("domain_id") == nil else {
            throw CloudError(.notImplemented, "Roles that belong to one domain are not offered here.")
        }
        let role = RoleRow(
            id: Identity.newID(), name: try fields.resourceName("name"),
            description: try fields.optionalString("description", length: 0...1024))
        try await storing("role", role.name) { try await store.insert(role) }
        await identity.changed()
        return answer(.created, role)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_role", context)
        let fields = try JSONFields(try await readJSON(request), in: "role")
        var role = try await find(context)
        if fields.has("name") { role.name = try fields.resourceName("name") }
        if fields.has("description") { role.description = try fields.optionalString("description", length: 0...1024) }
        let changed = role
        try await storing("role", changed.name) { try await store.update(changed) }
        await identity.changed()
        return answer(.ok, role)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_role", context)
        let id = try context.parameter("role")
        guard try await store.delete(id) else { throw Identity.notFound("role", id) }
        await identity.changed()
        return .empty()
    }

    @Sendable func inferences(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_role_inference_rules", context)
        let pairs = try await store.implications()
        return .json { json in
            json.array("role_inferences") {
                var at = 0
                while at < pairs.count {
                    let prior = pairs[at].prior
                    $0.object {
                        $0.object("prior_role") { $0.role(prior, identity) }
                        $0.array("implies") {
                            while at < pairs.count, pairs[at].prior == prior {
                                let implied = pairs[at].implied
                                $0.object { $0.role(implied, identity) }
                                at += 1
                            }
                        }
                    }
                }
            }
            json.selfLink(identity.link("role_inferences"))
        }
    }

    private func find(_ context: APIRequestContext) async throws -> RoleRow {
        let id = try context.parameter("role")
        guard let role = try await store.role(id) else { throw Identity.notFound("role", id) }
        return role
    }

    private func answer(_ status: HTTPResponse.Status, _ role: RoleRow) -> Response {
        .json(status) { $0.object("role") { $0.role(role, identity) } }
    }
}
