import APIConventions
import CloudModel
import Database
import Hummingbird

/// `/v3/projects`.
struct ProjectRoutes: Sendable {
    let identity: Identity
    private var store: ProjectStore { ProjectStore(database: identity.database) }

    private static let known: Set<String> = [
        "id", "name", "domain_id", "description", "enabled", "parent_id", "tags", "is_domain", "options", "links",
    ]

    func add(to routes: APIRoutes) {
        routes.get("projects", use: list)
        routes.post("projects", use: create)
        routes.get("projects/{project}", use: show)
        routes.patch("projects/{project}", use: update)
        routes.delete("projects/{project}", use: delete)
        routes.get("users/{user}/projects", use: listOfUser)
    }

    @Sendable func list(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("list_projects", context)
        let query = try request.query
        let paging = try Paging(query, maximum: Identity.pageLimit)
        // Domains are no projects here: asking for those that are gives none.
        if query.has("is_domain"), query.flag("is_domain") {
            return identity.list("projects", [ProjectRow](), of: request) { $0.project($1, identity) }
        }
        var filter = ProjectFilter(
            name: query["name"], domain: query["domain_id"].map { DomainID($0) }, parent: query["parent_id"])
        if query.has("enabled") { filter.enabled = query.flag("enabled") }
        if let tags = query["tags"] { filter.tags = tags.split(separator: ",").map { String($0) } }
        let projects = try await store.projects(filter, after: paging.marker, limit: paging.limit)
        let next = paging.next(
            after: projects.last?.id.rawValue, count: projects.count, path: "\(identity.baseURL)\(request.uri.path)",
            query: query)
        return identity.list("projects", projects, of: request, next: next) { $0.project($1, identity) }
    }

    @Sendable func listOfUser(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let user = UserID(try context.parameter("user"))
        _ = try identity.allow("list_user_projects", context, on: ["user_id": user.rawValue])
        let projects = try await store.projects(of: user)
        return identity.list("projects", projects, of: request) { $0.project($1, identity) }
    }

    @Sendable func show(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let id = try context.parameter("project")
        _ = try identity.allow("get_project", context, on: ["project_id": id])
        return answer(.ok, try await find(id))
    }

    @Sendable func create(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let caller = try identity.allow("create_project", context)
        let fields = try JSONFields(try await readJSON(request), in: "project")
        guard try fields.optionalBool("is_domain", allowingWords: false) != true else {
            throw CloudError(.notImplemented, "A project can't act as a domain here. Create the domain under /v3/domains.")
        }
        var project = ProjectRow(
            id: ProjectID(Identity.newID()), name: try fields.resourceName("name", length: 1...64),
            domain: DomainID(
                try fields.optionalString("domain_id") ?? caller.projectDomainID?.rawValue ?? caller.userDomainID.rawValue),
            description: try fields.optionalString("description", length: 0...4096) ?? "",
            enabled: try fields.optionalBool("enabled", allowingWords: false) ?? true,
            parent: nil, tags: try tags(fields) ?? [], extra: try fields.extra(besides: Self.known))
        try await adopt(&project, try fields.optionalString("parent_id"), domainIsNamed: fields.has("domain_id"))
        let new = project
        try await storing("project", "\(new.name) at domain ID \(new.domain)") {
            do {
                try await store.insert(new)
            } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
                throw Identity.notFound("domain", new.domain.rawValue)
            }
        }
        await identity.changed()
        return answer(.created, project)
    }

    /// Finds the parent: another project of the same domain, or the domain itself.
    private func adopt(_ project: inout ProjectRow, _ parent: String?, domainIsNamed: Bool) async throws {
        guard let parent, parent != project.domain.rawValue else { return }
        if let row = try await store.project(ProjectID(parent)) {
            guard row.domain == project.domain || !domainIsNamed else {
                throw CloudError(.badRequest, "The parent project \(parent) belongs to another domain.")
            }
            project.domain = row.domain
            project.parent = row.id
        } else {
            guard !domainIsNamed, try await DomainStore(database: identity.database).domain(DomainID(parent)) != nil else {
                throw Identity.notFound("project", parent)
            }
            project.domain = DomainID(parent)
        }
    }

    @Sendable func update(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("update_project", context)
        let fields = try JSONFields(try await readJSON(request), in: "project")
        var project = try await find(try context.parameter("project"))
        if let domain = try fields.optionalString("domain_id"), domain != project.domain.rawValue {
            throw CloudError(.badRequest, "A project can't move to another domain.")
        }
        if fields.has("name") { project.name = try fields.resourceName("name", length: 1...64) }
        if fields.has("description") { project.description = try fields.optionalString("description", length: 0...4096) ?? "" }
        if let enabled = try fields.optionalBool("enabled", allowingWords: false) { project.enabled = enabled }
        if let tags = try tags(fields) { project.tags = tags }
        project.extra = project.extra.patched(with: try fields.extra(besides: Self.known))
        let changed = project
        try await storing("project", "\(changed.name) at domain ID \(changed.domain)") { try await store.update(changed) }
        await identity.changed()
        return answer(.ok, project)
    }

    @Sendable func delete(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        _ = try identity.allow("delete_project", context)
        let id = try context.parameter("project")
        do {
            guard try await store.delete(ProjectID(id)) else { throw Identity.notFound("project", id) }
        } catch let error as DatabaseError where error.sqlState == .foreignKeyViolation {
            throw CloudError(
                .forbidden, "Cannot delete the project \(id) since it is not a leaf in the project hierarchy.", cause: error)
        }
        await identity.changed()
        return .empty()
    }

    private func tags(_ fields: JSONFields) throws(CloudError) -> [String]? {
        guard let values = try fields.optionalArray("tags", limit: ProjectTagRoutes.limit) else { return nil }
        var tags: [String] = []
        for value in values {
            guard let tag = value.string else { throw JSONFields.invalid("tags", value, "a tag is text") }
            try ProjectTagRoutes.check(tag)
            if !tags.contains(tag) { tags.append(tag) }
        }
        return tags
    }

    private func find(_ id: String) async throws -> ProjectRow {
        guard let project = try await store.project(ProjectID(id)) else { throw Identity.notFound("project", id) }
        return project
    }

    private func answer(_ status: HTTPResponse.Status, _ project: ProjectRow) -> Response {
        .json(status) { $0.object("project") { $0.project(project, identity) } }
    }
}
