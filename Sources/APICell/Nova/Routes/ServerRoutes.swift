import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

extension HTTPField.Name {
    /// How fresh the rows are: `tunis=2026-11-20T22:00:00.000000Z, …`, the moment of last contact of each cell that is shown.
    static let asOf = known("X-Meridian-As-Of")
}

extension NovaService {
    /// `/servers` and what is below it but actions, metadata and tags.
    func addServers(to routes: NovaRoutes) {
        let list = ListServers(store: servers)
        let create = CreateServer(
            images: images, flavors: flavors, keypairs: keypairs, groups: groups, zones: zones, quotas: quotas, store: creates,
            batcher: batcher, signal: signal, buildDeadline: buildDeadline)
        let delete = DeleteServer(store: actions, signal: signal)
        let show = ShowServer(store: servers)
        let update = UpdateServer(store: servers)

        routes.get("/servers") { request in
            try request.enforce("os_compute_api:servers:index")
            let page = try await list(request, detail: false)
            return .json(headers: Self.freshness(page.asOf), bytes: page.bytes)
        }
        routes.get("/servers/detail") { request in
            try request.enforce("os_compute_api:servers:detail")
            let page = try await list(request, detail: true)
            return .json(headers: Self.freshness(page.asOf), bytes: page.bytes)
        }
        routes.post("/servers") { request in
            try request.enforce("os_compute_api:servers:create")
            guard !request.project.rawValue.isEmpty else {
                throw CloudError(.forbidden, "A server belongs to a project. Ask for a token that is scoped to one.")
            }
            let answer = try await create(
                try await request.json(), idempotencyKey: request.header("idempotency-key"), by: request)
            return .json(.accepted, headers: [.location: answer.location], bytes: answer.bytes)
        }
        routes.get("/servers/{server}") { request in
            try request.enforce("os_compute_api:servers:show")
            let page = try await show(try request.serverID(), for: request)
            return .json(headers: Self.freshness(page.asOf), bytes: page.bytes)
        }
        routes.put("/servers/{server}") { request in
            try request.enforce("os_compute_api:servers:update")
            return .json(bytes: try await update(try request.serverID(), try await request.json(), by: request))
        }
        routes.delete("/servers/{server}") { request in
            try request.enforce("os_compute_api:servers:delete")
            try await delete(try request.serverID(), by: request)
            return .empty()
        }
        routes.get("/servers/{server}/ips") { request in
            try request.enforce("os_compute_api:ips:index")
            _ = try await show.find(try request.serverID(), for: request)
            return .json { $0.object("addresses") { _ in } }
        }
        routes.get("/servers/{server}/ips/{network}") { request in
            try request.enforce("os_compute_api:ips:show")
            _ = try await show.find(try request.serverID(), for: request)
            throw CloudError(.notFound, "Instance is not a member of specified network")
        }
    }

    static func freshness(_ asOf: String?) -> HTTPFields { asOf.map { [.asOf: $0] } ?? [:] }
}
