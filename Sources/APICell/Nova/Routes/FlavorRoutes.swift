import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// `/flavors`: reading for everyone, the rest for administrators.
    func addFlavors(to routes: NovaRoutes) {
        let list = ListFlavors(store: flavors)
        let manage = ManageFlavors(store: flavors)
        routes.get("/flavors") { .json(bytes: try await list($0, detail: false)) }
        routes.get("/flavors/detail") { .json(bytes: try await list($0, detail: true)) }
        routes.get("/flavors/{flavor}") { .json(bytes: try await list.show($0)) }
        routes.post("/flavors") { request in
            try request.enforce("os_compute_api:os-flavor-manage:create")
            return .json(bytes: try await manage.create(try await request.json(), request))
        }
        routes.delete("/flavors/{flavor}") { request in
            try request.enforce("os_compute_api:os-flavor-manage:delete")
            try await manage.delete(request)
            return .empty(.accepted)
        }
        routes.get("/flavors/{flavor}/os-extra_specs") { request in
            try request.enforce("os_compute_api:os-flavor-extra-specs:index")
            let flavor = try await list.find(request)
            return .json { Self.write(flavor.flavor.extraSpecs, to: &$0) }
        }
        routes.post("/flavors/{flavor}/os-extra_specs") { request in
            try request.enforce("os_compute_api:os-flavor-extra-specs:create")
            let specs = try await manage.addSpecs(try await request.json(), request)
            return .json { Self.write(specs, to: &$0) }
        }
        routes.get("/flavors/{flavor}/os-extra_specs/{key}") { request in
            try request.enforce("os_compute_api:os-flavor-extra-specs:show")
            let flavor = try await list.find(request)
            let key = try request.parameter("key")
            guard let value = flavor.flavor.extraSpecs[key] else { throw ManageFlavors.noSpec(key, flavor.flavor.id) }
            return .json { $0.field(named: key, value) }
        }
        routes.put("/flavors/{flavor}/os-extra_specs/{key}") { request in
            try request.enforce("os_compute_api:os-flavor-extra-specs:update")
            let (key, value) = try await manage.setSpec(try await request.json(), request)
            return .json { $0.field(named: key, value) }
        }
        routes.delete("/flavors/{flavor}/os-extra_specs/{key}") { request in
            try request.enforce("os_compute_api:os-flavor-extra-specs:delete")
            try await manage.removeSpec(request)
            return .empty(.ok)
        }
        routes.get("/flavors/{flavor}/os-flavor-access") { request in
            try request.enforce("os_compute_api:os-flavor-access")
            return .json(bytes: try await manage.access(request))
        }
        routes.post("/flavors/{flavor}/action") { request in
            .json(bytes: try await manage.changeAccess(try await request.json(), request))
        }
    }

    private static func write(_ specs: [String: String], to json: inout JSONWriter) {
        json.object("extra_specs") {
            for (key, value) in specs.sorted(by: { $0.key < $1.key }) { $0.field(named: key, value) }
        }
    }
}
