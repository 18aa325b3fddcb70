import APIConventions
import CloudModel

/// `PUT /servers/{id}`: name, description and access addresses, which are Nova's own columns. The cell learns of the name by the feed.
struct UpdateServer: Sendable {
    let store: ServerStore

    func callAsFunction(_ id: ServerID, _ body: JSONValue, by request: NovaRequest) async throws -> [UInt8] {
        let fields = try JSONFields(body, in: "server")
        let known: Set<String> = ["name", "OS-DCF:diskConfig", "accessIPv4", "accessIPv6"]
        try fields.allow(only: request.version.minor >= 19 ? known.union(["description"]) : known)
        let name = fields.has("name") ? try ServerFields.name(fields) : nil
        let accessIPv4 = try ServerFields.address(fields, "accessIPv4", .v4)
        let accessIPv6 = try ServerFields.address(fields, "accessIPv6", .v6)
        let description: String?? = fields.has("description") ? .some(try fields.optionalString("description")) : nil
        try ServerFields.checkDiskConfig(fields)

        let show = ShowServer(store: store)
        _ = try await show.find(id, for: request)
        try await store.update(
            id, name: name, description: description, accessIPv4: accessIPv4, accessIPv6: accessIPv6, at: request.received)
        return ShowServer.write(try await show.find(id, for: request), .updated, for: request)
    }
}
