import APIConventions
import CloudModel
import Hummingbird

/// `/v3/domains`.
struct DomainRoutes: Sendable {
    let identity: Identity
    private var store: DomainStore { DomainStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("domains", use: list)
        routes.post("domains", use: create)
        routes.get("domains/{domain}", use: show)
        routes.patch("domains/{domain}", use: update)
        routes.delete("domains/{domain}", use: delete)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_domains", context)
        let query = try request.query
        let domains = try await store.domains(name: query["name"], enabled: query.has("enabled") ? query.flag("enabled") : nil)
        return identity.list("domains", domains, of: request) { $0.domain($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let id = try context.parameter("domain")
        _ = try identity.allow("get_domain", context, on: ["domain_id": id])
        return answer(.ok, try await find(id))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_domain", context)
        let fields = try JSONFields(try await readJSON(request), in: "domain")
        let domain = DomainRow(
            id: DomainID(Identity.newID()), name: try fields.resourceName("name", length: 1...64),
            description: try fields.optionalString("description", length: 0...1024) ?? "",
            enabled: try fields.optionalBool("enabled", allowingWords: false) ?? true)
        try await storing("domain", domain.name) { try await store.insert(domain) }
        await identity.changed()
        return answer(.created, domain)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_domain", context)
        let fields = try JSONFields(try await readJSON(request), in: "domain")
        var domain = try await find(try context.parameter("domain"))
        if fields.has("name") { domain.name = try fields.resourceName("name", length: 1...64) }
        if fields.has("description") { domain.description = try fields.optionalString("description", length: 0...1024) ?? "" }
        if let enabled = try fields.optionalBool("enabled", allowingWords: false) { domain.enabled = enabled }
        let changed = domain
        try await storing("domain", changed.name) { try await store.update(changed) }
        await identity.changed()
        return answer(.ok, domain)
    }

    /// A domain takes all its users and projects with it, so it has to be disabled first.
    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_domain", context)
        let domain = try await find(try context.parameter("domain"))
        guard !domain.enabled else {
            throw CloudError(.forbidden, "Cannot delete a domain that is enabled, please disable it first.")
        }
        _ = try await store.delete(domain.id)
        await identity.changed()
        return .empty()
    }

    private func find(_ id: String) async throws -> DomainRow {
        guard let domain = try await store.domain(DomainID(id)) else { throw Identity.notFound("domain", id) }
        return domain
    }

    private func answer(_ status: HTTPResponse.Status, _ domain: DomainRow) -> Response {
        .json(status) { $0.object("domain") { $0.domain(domain, identity) } }
    }
}
