import APIConventions
import CloudModel

/// Reads and changes a server's tags (2.26).
struct ChangeTags: Sendable {
    let servers: ServerStore
    let store: TagStore

    func all(_ request: NovaRequest) async throws -> [String] { try await server(request).tags }

    func replace(_ body: JSONValue, _ request: NovaRequest) async throws -> [String] {
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["tags"])
        guard let values = try fields.optionalArray("tags") else { throw fields.missing("tags") }
        guard values.count <= TagStore.limit else {
            throw CloudError(.badRequest, "The number of tags exceeded the per-server limit \(TagStore.limit)")
        }
        var tags: [String] = []
        for value in values {
            let tag = try Self.tag(value.string ?? "")
            if !tags.contains(tag) { tags.append(tag) }
        }
        try await store.replace(tags, of: try await changeable(request, "update all tags").id, at: request.received)
        return tags
    }

    func removeAll(_ request: NovaRequest) async throws {
        try await store.replace([], of: try await changeable(request, "delete all tags").id, at: request.received)
    }

    func check(_ request: NovaRequest) async throws {
        let tag = try request.parameter("tag")
        let server = try await server(request)
        guard server.tags.contains(tag) else { throw Self.noTag(tag, server.id) }
    }

    /// Whether it is new, and where it is.
    func add(_ request: NovaRequest) async throws -> (Bool, String) {
        let tag = try Self.tag(try request.parameter("tag"))
        let server = try await changeable(request, "update tag")
        let location = request.links.own("servers", server.id.description) + "/tags/" + Paging.encoded(tag)
        switch try await store.add(tag, to: server.id, at: request.received) {
        case .added: return (true, location)
        case .alreadyThere: return (false, location)
        case .tooMany: throw CloudError(.badRequest, "The number of tags exceeded the per-server limit \(TagStore.limit)")
        }
    }

    func remove(_ request: NovaRequest) async throws {
        let tag = try request.parameter("tag")
        let server = try await changeable(request, "delete tag")
        guard try await store.remove(tag, of: server.id, at: request.received) else { throw Self.noTag(tag, server.id) }
    }

    private func server(_ request: NovaRequest) async throws -> ServerRecord {
        guard request.version.minor >= 26 else {
            throw CloudError(.notFound, "Tags are known from API version 2.26 on; this request is in \(request.version).")
        }
        return try await ShowServer(store: servers).find(try request.serverID(), for: request)
    }

    private func changeable(_ request: NovaRequest, _ action: String) async throws -> ServerRecord {
        let server = try await server(request)
        try server.mayBeChanged(action, by: request)
        return server
    }

    private static func tag(_ text: String) throws(CloudError) -> String {
        guard (1...TagStore.longestTag).contains(text.unicodeScalars.count), !text.contains("/"), !text.contains(",") else {
            throw CloudError(.badRequest, "A tag has 1 to \(TagStore.longestTag) characters, none of them a slash or a comma.")
        }
        return text
    }

    private static func noTag(_ tag: String, _ id: ServerID) -> CloudError {
        CloudError(.notFound, "Server \(id) has no tag '\(tag)'")
    }
}
