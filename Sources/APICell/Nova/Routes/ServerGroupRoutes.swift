import APIConventions
import Hummingbird

extension NovaService {
    /// `/os-server-groups`.
    func addServerGroups(to routes: NovaRoutes) {
        let manage = ManageServerGroups(store: groups, quotas: quotas)
        routes.get("/os-server-groups") { request in
            try request.enforce("os_compute_api:os-server-groups:index")
            return .json(bytes: try await manage.list(request))
        }
        routes.post("/os-server-groups") { request in
            try request.enforce("os_compute_api:os-server-groups:create")
            return .json(bytes: try await manage.create(try await request.json(), request))
        }
        routes.get("/os-server-groups/{group}") { request in
            try request.enforce("os_compute_api:os-server-groups:show")
            return .json(bytes: try await manage.show(request))
        }
        routes.delete("/os-server-groups/{group}") { request in
            try request.enforce("os_compute_api:os-server-groups:delete")
            try await manage.delete(request)
            return .empty()
        }
    }
}
