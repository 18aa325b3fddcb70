import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

extension NovaService {
    /// `/servers/{id}/metadata` and, from 2.26 on, `/servers/{id}/tags`.
    func addMetadata(to routes: NovaRoutes) {
        let change = ChangeMetadata(servers: servers, store: metadata, quotas: quotas)
        routes.get("/servers/{server}/metadata") { request in
            try request.enforce("os_compute_api:server-metadata:index")
            let metadata = try await change.all(request)
            return .json { $0.field("metadata", rawJSON: metadata) }
        }
        routes.post("/servers/{server}/metadata") { request in
            try request.enforce("os_compute_api:server-metadata:create")
            let metadata = try await change.merge(try await request.json(), request)
            return .json { $0.field("metadata", rawJSON: metadata) }
        }
        routes.put("/servers/{server}/metadata") { request in
            try request.enforce("os_compute_api:server-metadata:update_all")
            let metadata = try await change.replace(try await request.json(), request)
            return .json { $0.field("metadata", rawJSON: metadata) }
        }
        routes.get("/servers/{server}/metadata/{key}") { request in
            try request.enforce("os_compute_api:server-metadata:show")
            let (key, value) = try await change.item(request)
            return .json { $0.object("meta") { $0.field(named: key, value) } }
        }
        routes.put("/servers/{server}/metadata/{key}") { request in
            try request.enforce("os_compute_api:server-metadata:update")
            let (key, value) = try await change.setItem(try await request.json(), request)
            return .json { $0.object("meta") { $0.field(named: key, value) } }
        }
        routes.delete("/servers/{server}/metadata/{key}") { request in
            try request.enforce("os_compute_api:server-metadata:delete")
            try await change.removeItem(request)
            return .empty()
        }
        addTags(to: routes)
    }

    private func addTags(to routes: NovaRoutes) {
        let change = ChangeTags(servers: servers, store: tags)
        routes.get("/servers/{server}/tags") { request in
            try request.enforce("os_compute_api:os-server-tags:index")
            let tags = try await change.all(request)
            return .json { $0.field("tags", tags) }
        }
        routes.put("/servers/{server}/tags") { request in
            try request.enforce("os_compute_api:os-server-tags:update_all")
            let tags = try await change.replace(try await request.json(), request)
            return .json { $0.field("tags", tags) }
        }
        routes.delete("/servers/{server}/tags") { request in
            try request.enforce("os_compute_api:os-server-tags:delete_all")
            try await change.removeAll(request)
            return .empty()
        }
        routes.get("/servers/{server}/tags/{tag}") { request in
            try request.enforce("os_compute_api:os-server-tags:show")
            try await change.check(request)
            return .empty()
        }
        routes.put("/servers/{server}/tags/{tag}") { request in
            try request.enforce("os_compute_api:os-server-tags:update")
            let (isNew, location) = try await change.add(request)
            return isNew ? .empty(.created, headers: [.location: location]) : .empty()
        }
        routes.delete("/servers/{server}/tags/{tag}") { request in
            try request.enforce("os_compute_api:os-server-tags:delete")
            try await change.remove(request)
            return .empty()
        }
    }
}
