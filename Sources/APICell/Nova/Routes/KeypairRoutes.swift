import APIConventions
import Hummingbird

extension NovaService {
    /// `/os-keypairs`.
    func addKeypairs(to routes: NovaRoutes) {
        let manage = ManageKeypairs(store: keypairs, quotas: quotas)
        routes.get("/os-keypairs") { request in
            try request.enforce("os_compute_api:os-keypairs:index")
            return .json(bytes: try await manage.list(request))
        }
        routes.post("/os-keypairs") { request in
            try request.enforce("os_compute_api:os-keypairs:create")
            return .json(
                request.version.minor >= 2 ? .created : .ok, bytes: try await manage.create(try await request.json(), request))
        }
        routes.get("/os-keypairs/{keypair}") { request in
            try request.enforce("os_compute_api:os-keypairs:show")
            return .json(bytes: try await manage.show(request))
        }
        routes.delete("/os-keypairs/{keypair}") { request in
            try request.enforce("os_compute_api:os-keypairs:delete")
            try await manage.delete(request)
            return .empty(request.version.minor >= 2 ? .noContent : .accepted)
        }
    }
}
