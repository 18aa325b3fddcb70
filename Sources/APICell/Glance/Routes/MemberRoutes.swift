import APIConventions
import CloudModel
import Hummingbird

/// Members of a shared image.
extension GlanceService {
    func addMemberRoutes(to routes: APIRoutes) {
        routes.get("images/{id}/members") { [self] _, context in
            let all = try await members(of: try Self.imageID(context), for: try caller(context))
            return Response.json { json in
                json.array("members") { for member in all { $0.object { member.write(to: &$0) } } }
                json.field("schema", "/v2/schemas/members")
            }
        }
        routes.post("images/{id}/members") { [self] request, context in
            let body = try await readJSON(request, limit: limits.body)
            guard let project = body["member"]?.string, !project.isEmpty, project.unicodeScalars.count <= Image.nameLimit else {
                throw CloudError(.badRequest, "Member to be added not specified: the body is {\"member\": \"<project id>\"}.")
            }
            let member = try await addMember(ProjectID(project), to: try Self.imageID(context), by: try caller(context))
            return Response.json { member.write(to: &$0) }
        }
        routes.get("images/{id}/members/{member}") { [self] _, context in
            let project = ProjectID(try context.parameter("member"))
            let member = try await member(project, of: try Self.imageID(context), for: try caller(context))
            return Response.json { member.write(to: &$0) }
        }
        routes.put("images/{id}/members/{member}") { [self] request, context in
            let body = try await readJSON(request, limit: limits.body)
            guard let status = body["status"]?.string.flatMap(ImageMember.Status.init) else {
                throw CloudError(.badRequest, "A member's status is pending, accepted or rejected.")
            }
            let project = ProjectID(try context.parameter("member"))
            let member = try await setMember(project, of: try Self.imageID(context), to: status, by: try caller(context))
            return Response.json { member.write(to: &$0) }
        }
        routes.delete("images/{id}/members/{member}") { [self] _, context in
            let project = ProjectID(try context.parameter("member"))
            try await removeMember(project, from: try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
    }
}
