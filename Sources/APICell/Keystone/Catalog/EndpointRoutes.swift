import APIConventions
import CloudModel
import Database
import Hummingbird

/// `/v3/endpoints`.
struct EndpointRoutes: Sendable {
    let identity: Identity
    private var store: CatalogStore { CatalogStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("endpoints", use: list)
        routes.post("endpoints", use: create)
        routes.get("endpoints/{endpoint}", use: show)
        routes.patch("endpoints/{endpoint}", use: update)
        routes.delete("endpoints/{endpoint}", use: delete)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_endpoints", context)
        let query = try request.query
        let endpoints = try await store.endpoints(
            service: query["service_id"], region: query["region_id"] ?? query["region"], interface: query["interface"])
        return identity.list("endpoints", endpoints, of: request) { $0.endpoint($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("get_endpoint", context)
        return answer(.ok, try await find(context))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_endpoint", context)
        let fields = try JSONFields(try await readJSON(request), in: "endpoint")
        var endpoint = EndpointRow(
            id: Identity.newID(), service: try fields.string("service_id"), region: nil,
            interface: try interface(fields), url: try fields.string("url", length: 1...2048),
            enabled: try fields.optionalBool("enabled", allowingWords: false) ?? true)
        try await changeRegion(of: &endpoint, fields)
        try await withTargets(endpoint) { try await store.insert($0) }
        await identity.changed()
        return answer(.created, endpoint)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_endpoint", context)
        let fields = try JSONFields(try await readJSON(request), in: "endpoint")
        var endpoint = try await find(context)
        if fields.has("service_id") { endpoint.service = try fields.string("service_id") }
        if fields.has("interface") { endpoint.interface = try interface(fields) }
        if fields.has("url") { endpoint.url = try fields.string("url", length: 1...2048) }
        if let enabled = try fields.optionalBool("enabled", allowingWords: false) { endpoint.enabled = enabled }
        try await changeRegion(of: &endpoint, fields)
        try await withTargets(endpoint) { try await store.update($0) }
        await identity.changed()
        return answer(.ok, endpoint)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_endpoint", context)
        let id = try context.parameter("endpoint")
        guard try await store.deleteEndpoint(id) else { throw Identity.notFound("endpoint", id) }
        await identity.changed()
        return .empty()
    }

    private func interface(_ fields: JSONFields) throws(CloudError) -> String {
        let interface = try fields.string("interface")
        guard ["public", "internal", "admin"].contains(interface) else {
            throw JSONFields.invalid(
                "interface", .string(interface), "'\(interface)' is not one of ['admin', 'internal', 'public']")
        }
        return interface
    }

    /// `region_id` must name a region; the old `region` makes one that is missing, as Keystone does.
    private func changeRegion(of endpoint: inout EndpointRow, _ fields: JSONFields) async throws {
        if fields.has("region") {
            endpoint.region = try fields.optionalString("region")
            if let region = endpoint.region, try await store.region(region) == nil {
                do {
                    try await store.insert(RegionRow(id: region, description: "", parent: nil))
                } catch let error as DatabaseError where error.sqlState == .uniqueViolation {}  // another made it just now
            }
        }
        if fields.has("region_id") { endpoint.region = try fields.optionalString("region_id") }
    }

    /// The service and region must exist: a 400 names them, as Keystone's does.
    private func withTargets(_ endpoint: EndpointRow, _ body: (EndpointRow) async throws -> Void) async throws {
        do {
            try await body(endpoint)
        } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
            throw CloudError(
                .badRequest, "The service \(endpoint.service) or the region \(endpoint.region ?? "") doesn't exist.",
                cause: error)
        }
    }

    private func find(_ context: APIRequestContext) async throws -> EndpointRow {
        let id = try context.parameter("endpoint")
        guard let endpoint = try await store.endpoint(id) else { throw Identity.notFound("endpoint", id) }
        return endpoint
    }

    private func answer(_ status: HTTPResponse.Status, _ endpoint: EndpointRow) -> Response {
        .json(status) { $0.object("endpoint") { $0.endpoint(endpoint, identity) } }
    }
}

extension JSONWriter {
    mutating func endpoint(_ endpoint: EndpointRow, _ identity: Identity) {
        field("id", endpoint.id)
        field("interface", endpoint.interface)
        field("region", endpoint.region)
        field("region_id", endpoint.region)
        field("service_id", endpoint.service)
        field("url", endpoint.url)
        field("enabled", endpoint.enabled)
        selfLink(identity.link("endpoints/\(endpoint.id)"))
    }
}
