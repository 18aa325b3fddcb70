import APIConventions
import CloudModel

/// `GET /servers/{id}`. Another project's server doesn't exist, nor one whose home is another region than the endpoint's.
struct ShowServer: Sendable {
    let store: ServerStore

    func callAsFunction(_ id: ServerID, for request: NovaRequest) async throws -> ListServers.Page {
        async let contacts = store.contacts()
        let server = try await find(id, for: request)
        let hosts =
            ServerDocument.showsHostStatus(request) ? try await store.hostStatuses(of: [server], at: request.received) : [:]
        return ListServers.Page(
            bytes: Self.write(server, .full, hosts, for: request), asOf: AsOf.header(of: [server], contacts: try await contacts)
        )
    }

    /// The server, if the caller may see it; else Nova's 404.
    func find(_ id: ServerID, for request: NovaRequest, includingDeleted: Bool = false) async throws -> ServerRecord {
        guard let server = try await store.server(id, includingDeleted: includingDeleted),
            request.caller.isAdmin || server.project == request.project,
            request.region == nil || server.homeRegion == request.region
        else { throw ServerErrors.notFound(id.description) }
        return server
    }

    static func write(
        _ server: ServerRecord, _ form: ServerDocument.Form, _ hosts: [HostName: HostStatus] = [:], for request: NovaRequest
    ) -> [UInt8] {
        let document = ServerDocument(request, hosts: hosts)
        var json = JSONWriter(capacity: 1_600)
        json.object { $0.object("server") { document.write(server, form, to: &$0) } }
        return json.bytes
    }
}
