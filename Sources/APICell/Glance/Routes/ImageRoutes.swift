import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

/// Images themselves: list, create, show, change, delete.
extension GlanceService {
    func addImageRoutes(to routes: APIRoutes) {
        routes.get("images") { [self] request, context in
            try Self.refuseEmptyID(request)
            return try await answerList(request, context)
        }
        routes.delete("images") { request, _ -> Response in
            try Self.refuseEmptyID(request)
            throw CloudError(.methodNotAllowed, "The method DELETE is not allowed for images as a whole.")
        }
        routes.post("images") { [self] request, context in
            let body = try await readJSON(request, limit: limits.body)
            let image = try await create(body, by: try caller(context))
            return Self.answer(image, .created, headers: [.location: "/v2/images/\(image.id)"])
        }
        routes.get("images/{id}") { [self] _, context in
            Self.answer(try await visible(try Self.imageID(context), to: try caller(context)))
        }
        routes.patch("images/{id}") { [self] request, context in
            let media = Self.media(request)
            // Any type ends in +json here, or the patch refuses it.
            guard media.hasSuffix("json-patch") else {
                throw CloudError(.unsupportedMediaType, "PATCH of an image takes \(ImagePatch.mediaType).")
            }
            let bytes = try await request.body.collect(upTo: limits.body)
            let patch = try ImagePatch(try JSONValue(parsing: bytes.readableBytesView), mediaType: media)
            return Self.answer(try await update(try Self.imageID(context), with: patch, by: try caller(context)))
        }
        routes.delete("images/{id}") { [self] _, context in
            try await delete(try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
        routes.post("images/{id}/actions/deactivate") { [self] _, context in
            try await deactivate(try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
        routes.post("images/{id}/actions/reactivate") { [self] _, context in
            try await reactivate(try Self.imageID(context), by: try caller(context))
            return Response.empty()
        }
        // Discovery of an interface that isn't here: no ways to import.
        routes.get("info/import") { _, _ in
            Response.json {
                $0.object("import-methods") {
                    $0.field("description", "Import methods available.")
                    $0.field("type", "array")
                    $0.field("value", [String]())
                }
            }
        }
    }

    private func answerList(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let query = try ImageQuery(try request.query.items, limits: limits)
        let caller = try caller(context)
        guard caller.may(.list, imageOf: caller.project, visibility: nil) else { throw ImagePolicy.refusal(.list) }
        if let marker = query.marker, try await images.image(marker) == nil {
            throw CloudError(.badRequest, "Invalid marker: no image \(marker).")
        }
        let page = try await images.list(query, for: caller)
        let shown = caller.shown(page)
        return .json(capacity: 64 + shown.count * 1_024) { json in
            json.array("images") {
                for image in shown { $0.object { ImageDocument.write(image, to: &$0) } }
            }
            json.field("first", query.link())
            json.field("schema", "/v2/schemas/images")
            if let last = page.last, page.count == query.limit { json.field("next", query.link(after: last.id)) }
        }
    }

    static func answer(_ image: Image, _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .json(status, headers: headers, capacity: 1_024) { ImageDocument.write(image, to: &$0) }
    }

    /// The content type, without parameters, in lower case.
    static func media(_ request: Request) -> String {
        (request.headers[.contentType] ?? "").split(separator: ";").first.map { $0.lowercased().filter { !$0.isWhitespace } }
            ?? ""
    }

    /// `/v2/images/` is an image without an id, which doesn't exist; the router takes it for the list.
    private static func refuseEmptyID(_ request: Request) throws {
        guard !request.uri.path.hasSuffix("/") else { throw missing("") }
    }
}
