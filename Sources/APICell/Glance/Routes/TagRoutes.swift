import APIConventions
import CloudModel
import Hummingbird

/// Tags: short words on an image.
extension GlanceService {
    func addTagRoutes(to routes: APIRoutes) {
        routes.put("images/{id}/tags/{tag}") { [self] _, context in
            try await addTag(try context.parameter("tag"), to: try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
        routes.delete("images/{id}/tags/{tag}") { [self] _, context in
            try await removeTag(try context.parameter("tag"), from: try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
    }
}
