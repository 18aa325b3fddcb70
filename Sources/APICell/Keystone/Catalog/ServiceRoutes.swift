import APIConventions
import CloudModel
import Hummingbird

/// `/v3/services`.
struct ServiceRoutes: Sendable {
    let identity: Identity
    private var store: CatalogStore { CatalogStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("services", use: list)
        routes.post("services", use: create)
        routes.get("services/{service}", use: show)
        routes.patch("services/{service}", use: update)
        routes.delete("services/{service}", use: delete)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_services", context)
        let query = try request.query
        let services = try await store.services(type: query["type"], name: query["name"])
        return identity.list("services", services, of: request) { $0.service($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("get_service", context)
        return answer(.ok, try await find(context))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_service", context)
        let fields = try JSONFields(try await readJSON(request), in: "service")
        let service = ServiceRow(
            id: Identity.newID(), type: try fields.resourceName("type"), name: try fields.optionalString("name") ?? "",
            description: try fields.optionalString("description") ?? "",
            enabled: try fields.optionalBool("enabled", allowingWords: false) ?? true)
        try await store.insert(service)
        await identity.changed()
        return answer(.created, service)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_service", context)
        let fields = try JSONFields(try await readJSON(request), in: "service")
        var service = try await find(context)
        if fields.has("type") { service.type = try fields.resourceName("type") }
        if fields.has("name") { service.name = try fields.optionalString("name") ?? "" }
        if fields.has("description") { service.description = try fields.optionalString("description") ?? "" }
        if let enabled = try fields.optionalBool("enabled", allowingWords: false) { service.enabled = enabled }
        try await store.update(service)
        await identity.changed()
        return answer(.ok, service)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_service", context)
        let id = try context.parameter("service")
        guard try await store.deleteService(id) else { throw Identity.notFound("service", id) }
        await identity.changed()
        return .empty()
    }

    private func find(_ context: APIRequestContext) async throws -> ServiceRow {
        let id = try context.parameter("service")
        guard let service = try await store.service(id) else { throw Identity.notFound("service", id) }
        return service
    }

    private func answer(_ status: HTTPResponse.Status, _ service: ServiceRow) -> Response {
        .json(status) { $0.object("service") { $0.service(service, identity) } }
    }
}

extension JSONWriter {
    mutating func service(_ service: ServiceRow, _ identity: Identity) {
        field("id", service.id)
        field("type", service.type)
        field("name", service.name)
        field("description", service.description)
        field("enabled", service.enabled)
        selfLink(identity.link("services/\(service.id)"))
    }
}
