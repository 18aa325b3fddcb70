import APIConventions
import CloudModel

/// Reads and changes a server's metadata.
struct ChangeMetadata: Sendable {
    let servers: ServerStore
    let store: MetadataStore
    let quotas: QuotaStore

    /// A JSON object's text.
    func all(_ request: NovaRequest) async throws -> String { try await server(request).metadata }

    func merge(_ body: JSONValue, _ request: NovaRequest) async throws -> String {
        let items = try Self.items(body)
        let server = try await changeable(request, "update metadata")
        let limit = try await quotas.limits(of: server.project).metadataItems
        return try Self.within(limit, try await store.merge(items.text, into: server.id, limit: limit, at: request.received))
    }

    func replace(_ body: JSONValue, _ request: NovaRequest) async throws -> String {
        let items = try Self.items(body)
        let server = try await changeable(request, "update metadata")
        let limit = try await quotas.limits(of: server.project).metadataItems
        return try Self.within(limit, try await store.replace(items.text, of: server.id, limit: limit, at: request.received))
    }

    func item(_ request: NovaRequest) async throws -> (String, String) {
        let key = try request.parameter("key")
        let metadata = try JSONValue(parsing: try await server(request).metadata)
        guard let value = metadata[key]?.string else { throw Self.noItem }
        return (key, value)
    }

    func setItem(_ body: JSONValue, _ request: NovaRequest) async throws -> (String, String) {
        let key = try request.parameter("key")
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["meta"])
        guard let meta = try fields.optionalTexts("meta") else { throw fields.missing("meta") }
        guard meta.count == 1 else { throw CloudError(.badRequest, "Request body contains too many items") }
        guard let value = meta[key] else { throw CloudError(.badRequest, "Request body and URI mismatch") }
        let server = try await changeable(request, "update metadata")
        let limit = try await quotas.limits(of: server.project).metadataItems
        let item = JSONValue.object([key: .string(value)])
        _ = try Self.within(limit, try await store.merge(item.text, into: server.id, limit: limit, at: request.received))
        return (key, value)
    }

    func removeItem(_ request: NovaRequest) async throws {
        let key = try request.parameter("key")
        guard try await store.remove(key, of: try await changeable(request, "delete metadata").id, at: request.received) else {
            throw Self.noItem
        }
    }

    private func server(_ request: NovaRequest) async throws -> ServerRecord {
        try await ShowServer(store: servers).find(try request.serverID(), for: request)
    }

    private func changeable(_ request: NovaRequest, _ action: String) async throws -> ServerRecord {
        let server = try await server(request)
        try server.mayBeChanged(action, by: request)
        return server
    }

    private static func items(_ body: JSONValue) throws(CloudError) -> JSONValue {
        let fields = try JSONFields(body, name: "body")
        try fields.allow(only: ["metadata"])
        guard let items = try ServerFields.metadata(fields, "metadata") else { throw fields.missing("metadata") }
        var object = JSONObject()
        for (key, value) in items { object[key] = .string(value) }
        return .object(object)
    }

    private static func within(_ limit: Int, _ written: MetadataStore.Written) throws(CloudError) -> String {
        switch written {
        case .stored(let metadata): return metadata
        case .tooMany: throw CloudError(.overQuota, "Maximum number of metadata items exceeds \(limit)")
        case .tooLarge: throw ServerTexts.tooLarge("metadata", limit: ServerTexts.largestMetadata)
        }
    }

    private static var noItem: CloudError { CloudError(.notFound, "Metadata item was not found") }
}
