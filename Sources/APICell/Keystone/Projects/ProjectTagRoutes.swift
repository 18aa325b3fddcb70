import APIConventions
import CloudModel
import Hummingbird

/// `/v3/projects/{project}/tags`.
struct ProjectTagRoutes: Sendable {
    /// Tags of one project, as in Keystone.
    static let limit = 80

    let identity: Identity
    private var store: ProjectStore { ProjectStore(database: identity.database) }

    func add(to routes: APIRoutes) {
        routes.get("projects/{project}/tags") { request, context in
            let project = try await find(context, "list_project_tags")
            return answer(project)
        }
        routes.put("projects/{project}/tags") { request, context in
            let fields = try JSONFields(try await readJSON(request), name: "body")
            var tags: [String] = []
            for value in try fields.optionalArray("tags", limit: Self.limit) ?? [] {
                guard let tag = value.string else { throw JSONFields.invalid("tags", value, "a tag is text") }
                try Self.check(tag)
                if !tags.contains(tag) { tags.append(tag) }
            }
            return answer(try await change(context, "update_project_tags") { $0 = tags })
        }
        routes.delete("projects/{project}/tags") { _, context in
            _ = try await change(context, "delete_project_tags") { $0 = [] }
            return Response.empty()
        }
        routes.get("projects/{project}/tags/{tag}") { _, context in
            let tag = try context.parameter("tag")
            guard try await find(context, "get_project_tag").tags.contains(tag) else {
                throw Identity.notFound("project tag", tag)
            }
            return Response.empty()
        }
        routes.put("projects/{project}/tags/{tag}") { _, context in
            let tag = try context.parameter("tag")
            try Self.check(tag)
            _ = try await change(context, "create_project_tag") { if !$0.contains(tag) { $0.append(tag) } }
            return Response.empty(.created)
        }
        routes.delete("projects/{project}/tags/{tag}") { _, context in
            let tag = try context.parameter("tag")
            guard try await find(context, "delete_project_tag").tags.contains(tag) else {
                throw Identity.notFound("project tag", tag)
            }
            _ = try await change(context, "delete_project_tag") { $0.removeAll { $0 == tag } }
            return Response.empty()
        }
    }

    static func check(_ tag: String) throws(CloudError) {
        guard (1...255).contains(tag.unicodeScalars.count), !tag.contains(","), !tag.contains("/") else {
            throw JSONFields.invalid("tags", .string(tag), "a tag is text of 1 to 255 characters without ',' and '/'")
        }
    }

    private func change(
        _ context: APIRequestContext, _ action: String, _ body: (inout [String]) -> Void
    ) async throws -> ProjectRow {
        var project = try await find(context, action)
        body(&project.tags)
        guard project.tags.count <= Self.limit else {
            throw CloudError(.badRequest, "A project has at most \(Self.limit) tags.")
        }
        try await store.update(project)
        await identity.changed()
        return project
    }

    private func find(_ context: APIRequestContext, _ action: String) async throws -> ProjectRow {
        let id = try context.parameter("project")
        _ = try identity.allow(action, context, on: ["project_id": id])
        guard let project = try await store.project(ProjectID(id)) else { throw Identity.notFound("project", id) }
        return project
    }

    private func answer(_ project: ProjectRow) -> Response {
        .json {
            $0.field("tags", project.tags)
            $0.selfLink(identity.link("projects/\(project.id)/tags"))
        }
    }
}
