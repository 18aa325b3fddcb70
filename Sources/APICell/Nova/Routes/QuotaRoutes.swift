import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// `/os-quota-sets`, `/os-quota-class-sets`, `/limits` and `/os-simple-tenant-usage`.
    func addQuotas(to routes: NovaRoutes) {
        let sets = QuotaSets(store: quotas)
        routes.get("/os-quota-sets/{project}") { request in
            try request.enforce("os_compute_api:os-quota-sets:show")
            return .json(bytes: try await sets.show(request))
        }
        routes.get("/os-quota-sets/{project}/defaults") { request in
            try request.enforce("os_compute_api:os-quota-sets:defaults")
            return .json(bytes: try await sets.defaults(request))
        }
        routes.get("/os-quota-sets/{project}/detail") { request in
            try request.enforce("os_compute_api:os-quota-sets:detail")
            return .json(bytes: try await sets.detail(request))
        }
        routes.put("/os-quota-sets/{project}") { request in
            try request.enforce("os_compute_api:os-quota-sets:update")
            return .json(bytes: try await sets.update(try await request.json(), request))
        }
        routes.delete("/os-quota-sets/{project}") { request in
            try request.enforce("os_compute_api:os-quota-sets:delete")
            try await sets.delete(request)
            return .empty(.accepted)
        }
        routes.get("/os-quota-class-sets/{class}") { request in
            try request.enforce("os_compute_api:os-quota-class-sets:show")
            return .json(bytes: try await sets.showClass(request))
        }
        routes.put("/os-quota-class-sets/{class}") { request in
            try request.enforce("os_compute_api:os-quota-class-sets:update")
            return .json(bytes: try await sets.updateClass(try await request.json(), request))
        }
        routes.get("/limits") { request in
            try request.enforce("os_compute_api:limits")
            return .json(bytes: try await sets.limits(request))
        }
        let usage = ShowUsage(store: usages)
        routes.get("/os-simple-tenant-usage") { request in
            // With a slash at its end it is one project's, whose name was forgotten.
            guard !request.path.hasSuffix("/") else { throw CloudError(.notFound, "The resource could not be found.") }
            try request.enforce("os_compute_api:os-simple-tenant-usage:list")
            return .json(bytes: try await usage.list(request))
        }
        routes.get("/os-simple-tenant-usage/{project}") { request in
            try request.enforce("os_compute_api:os-simple-tenant-usage:show")
            return .json(bytes: try await usage.show(request))
        }
    }
}
