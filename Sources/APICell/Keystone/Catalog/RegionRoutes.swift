import APIConventions
import CloudModel
import Database
import Hummingbird

/// `/v3/regions`.
struct RegionRoutes: Sendable {
    let identity: Identity
    private var store: CatalogStore { CatalogStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("regions", use: list)
        routes.post("regions", use: create)
        routes.get("regions/{region}", use: show)
        routes.put("regions/{region}", use: create)
        routes.patch("regions/{region}", use: update)
        routes.delete("regions/{region}", use: delete)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_regions", context)
        let regions = try await store.regions(parent: try request.query["parent_region_id"])
        return identity.list("regions", regions, of: request) { $0.region($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("get_region", context)
        return answer(.ok, try await find(context))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("create_region", context)
        let fields = try JSONFields(try await readJSON(request), in: "region")
        let inPath = context.parameters.get("region")
        let named = try fields.optionalString("id")
        if let inPath, let named, inPath != named {
            throw CloudError(.badRequest, "The region's id in the address (\(inPath)) and in the body (\(named)) differ.")
        }
        let region = RegionRow(
            id: inPath ?? named ?? Identity.newID(), description: try fields.optionalString("description") ?? "",
            parent: try fields.optionalString("parent_region_id"))
        try await storing("region", region.id) { try await withParent(region.parent) { try await store.insert(region) } }
        await identity.changed()
        return answer(.created, region)
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_region", context)
        let fields = try JSONFields(try await readJSON(request), in: "region")
        var region = try await find(context)
        if fields.has("description") { region.description = try fields.optionalString("description") ?? "" }
        if fields.has("parent_region_id") { region.parent = try fields.optionalString("parent_region_id") }
        guard region.parent != region.id else { throw CloudError(.badRequest, "A region can't be its own parent.") }
        let changed = region
        try await withParent(changed.parent) { try await store.update(changed) }
        await identity.changed()
        return answer(.ok, region)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_region", context)
        let region = try await find(context)
        do {
            _ = try await store.deleteRegion(region.id)
        } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
            throw CloudError(
                .conflict, "The region \(region.id) still has endpoints or child regions. Delete them first.", cause: error)
        }
        await identity.changed()
        return .empty()
    }

    private func find(_ context: APIRequestContext) async throws -> RegionRow {
        let id = try context.parameter("region")
        guard let region = try await store.region(id) else { throw Identity.notFound("region", id) }
        return region
    }

    private func withParent(_ parent: String?, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
            throw Identity.notFound("region", parent ?? "")
        }
    }

    private func answer(_ status: HTTPResponse.Status, _ region: RegionRow) -> Response {
        .json(status) { $0.object("region") { $0.region(region, identity) } }
    }
}

extension JSONWriter {
    mutating func region(_ region: RegionRow, _ identity: Identity) {
        field("id", region.id)
        field("description", region.description)
        field("parent_region_id", region.parent)
        selfLink(identity.link("regions/\(region.id)"))
    }
}
