import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// What Nova has and this doesn't serve yet: 501 with a sentence rather than a 404 that looks like a mistake of the client's.
    /// docs/openstack-map.md lists them.
    func addUnserved(to routes: NovaRoutes) {
        routes.get("/extensions") { _ in .json(bytes: ListExtensions.list()) }
        routes.get("/extensions/{alias}") { .json(bytes: try ListExtensions.show($0)) }
        // No guest ever reports a password, so there is none to read or to forget.
        let show = ShowServer(store: servers)
        routes.get("/servers/{server}/os-server-password") { request in
            try request.enforce("os_compute_api:servers:show")
            _ = try await show.find(try request.serverID(), for: request)
            return .json { $0.field("password", "") }
        }
        routes.delete("/servers/{server}/os-server-password") { request in
            try request.enforce("os_compute_api:servers:update")
            _ = try await show.find(try request.serverID(), for: request)
            return .empty()
        }
        // None ever happens: a server stays on its host.
        routes.get("/os-migrations") { request in
            try request.enforce("os_compute_api:os-migrations:index")
            return .json { $0.array("migrations") { _ in } }
        }

        let partsOfServers = [
            "os-interface", "os-volume_attachments", "os-security-groups", "migrations", "os-virtual-interfaces",
            "remote-consoles", "consoles",
        ]
        for name in partsOfServers {
            let since = name == "remote-consoles" ? 6 : 1
            refuse(RouterPath("/servers/{server}/\(name)"), "A server's \(name)", since: since, in: routes)
            refuse(RouterPath("/servers/{server}/\(name)/**"), "A server's \(name)", since: since, in: routes)
        }
        routes.put("/os-services/force-down") { request in
            try request.enforce("os_compute_api:os-services:update")
            guard request.version.minor >= 11 else { throw Self.notInThisVersion }
            throw CloudError(
                .notImplemented,
                "A host can't be declared down here: its cell knows. Disable the host to keep servers away from it.")
        }
        // Their list is served, and empty.
        let noAggregates: NovaRoutes.Handler = { request in
            try request.enforce("os_compute_api:os-aggregates:create")
            throw CloudError(
                .notImplemented, "Host aggregates are not served by this cloud yet; a host's zone stands in its region's file.")
        }
        routes.post("/os-aggregates", noAggregates)
        refuse("/os-aggregates/**", "Host aggregates", in: routes)
        routes.get("/servers/{server}/diagnostics") { request in
            try request.enforce("os_compute_api:os-server-diagnostics")
            throw CloudError(.notImplemented, "A server's diagnostics is not served by this cloud yet.")
        }
        let collections = [
            "os-agents", "os-assisted-volume-snapshots", "os-cells", "os-certificates", "os-cloudpipe",
            "os-console-auth-tokens",
            "os-instance_usage_audit_log", "os-server-external-events", "os-volumes_boot",
        ]
        for name in collections { refuse(collection: name, before: .max, in: routes) }
        // They only ever passed requests on to other services; Nova dropped them with 2.36.
        let proxies = [
            "images", "os-baremetal-nodes", "os-fixed-ips", "os-floating-ip-dns", "os-floating-ip-pools", "os-floating-ips",
            "os-floating-ips-bulk", "os-fping", "os-networks", "os-security-group-default-rules", "os-security-group-rules",
            "os-security-groups", "os-snapshots", "os-tenant-networks", "os-volumes",
        ]
        for name in proxies { refuse(collection: name, before: 36, in: routes) }
    }

    private func refuse(collection name: String, before end: Int, in routes: NovaRoutes) {
        refuse(RouterPath("/\(name)"), "/\(name)", before: end, in: routes)
        refuse(RouterPath("/\(name)/**"), "/\(name)", before: end, in: routes)
    }

    private static var notInThisVersion: CloudError { CloudError(.notFound, "The resource could not be found.") }

    /// 501 in the versions from 2.`since` to before 2.`end`, in the others 404: there Nova doesn't know it.
    private func refuse(_ path: RouterPath, _ what: String, since: Int = 1, before end: Int = .max, in routes: NovaRoutes) {
        let handler: NovaRoutes.Handler = { request in
            guard since..<end ~= request.version.minor else { throw Self.notInThisVersion }
            throw CloudError(.notImplemented, "\(what) is not served by this cloud yet.")
        }
        routes.get(path, handler)
        routes.post(path, handler)
        routes.put(path, handler)
        routes.delete(path, handler)
    }
}
