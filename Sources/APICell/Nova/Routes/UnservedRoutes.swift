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
            "remote-consoles",
        ]
        for name in partsOfServers {
            refuse(RouterPath("/servers/{server}/\(name)"), "A server's \(name)", in: routes)
            refuse(RouterPath("/servers/{server}/\(name)/**"), "A server's \(name)", in: routes)
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
            "images", "os-agents", "os-assisted-volume-snapshots", "os-cells", "os-certificates", "os-cloudpipe",
            "os-console-auth-tokens",
            "os-fixed-ips", "os-floating-ip-dns", "os-floating-ip-pools", "os-floating-ips", "os-floating-ips-bulk", "os-fping",
            "os-instance_usage_audit_log", "os-networks", "os-security-group-default-rules", "os-security-group-rules",
            "os-security-groups", "os-server-external-events",
            "os-snapshots", "os-tenant-networks", "os-volumes", "os-volumes_boot",
        ]
        for name in collections {
            refuse(RouterPath("/\(name)"), "/\(name)", in: routes)
            refuse(RouterPath("/\(name)/**"), "/\(name)", in: routes)
        }
    }

    private func refuse(_ path: RouterPath, _ what: String, in routes: NovaRoutes) {
        let handler: NovaRoutes.Handler = { _ in throw CloudError(.notImplemented, "\(what) is not served by this cloud yet.") }
        routes.get(path, handler)
        routes.post(path, handler)
        routes.put(path, handler)
        routes.delete(path, handler)
    }
}
