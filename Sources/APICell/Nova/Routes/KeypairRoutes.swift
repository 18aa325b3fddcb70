import APIConventions
import Hummingbird

extension NovaService {
    /// `/os-keypairs`. Whose they are stands in the query or the body, so their rules are asked about where those are read.
    func addKeypairs(to routes: NovaRoutes) {
        let manage = ManageKeypairs(store: keypairs, quotas: quotas)
        routes.get("/os-keypairs") { .json(bytes: try await manage.list($0)) }
        routes.post("/os-keypairs") { request in
            .json(
                request.version.minor >= 2 ? .created : .ok, bytes: try await manage.create(try await request.json(), request))
        }
        routes.get("/os-keypairs/{keypair}") { .json(bytes: try await manage.show($0)) }
        routes.delete("/os-keypairs/{keypair}") { request in
            try await manage.delete(request)
            return .empty(request.version.minor >= 2 ? .noContent : .accepted)
        }
    }
}
