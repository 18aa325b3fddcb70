import APIConventions
import CloudModel
import Hummingbird

extension NovaService {
    /// What Nova has and this doesn't serve yet: 501 with a sentence rather than a 404 that looks like a mistake of the client's.
    /// docs/openstack-map.md lists them.
    func addUnserved(to routes: NovaRoutes) {
        routes.get("/extensions") { _ in .json { $0.array("extensions") { _ in } } }
        routes.get("/extensions/{alias}") { _ in throw CloudError(.notFound, "The resource could not be found.") }

        let servers = [
            "os-interface", "os-volume_attachments", "os-security-groups", "migrations", "os-virtual-interfaces", "diagnostics",
            "os-server-password", "remote-consoles",
        ]
        for name in servers {
            refuse(RouterPath("/servers/{server}/\(name)"), "A server's \(name)", in: routes)
            refuse(RouterPath("/servers/{server}/\(name)/**"), "A server's \(name)", in: routes)
        }
        // Their list is served, and empty.
        let noAggregates: NovaRoutes.Handler = { _ in
            throw CloudError(
                .notImplemented, "Host aggregates are not served by this cloud yet; a host's zone stands in its region's file.")
        }
        routes.post("/os-aggregates", noAggregates)
        refuse("/os-aggregates/**", "Host aggregates", in: routes)
        let collections = [
            "images", "os-agents", "os-assisted-volume-snapshots", "os-cells", "os-certificates", "os-cloudpipe",
            "os-console-auth-tokens",
            "os-fixed-ips", "os-floating-ip-dns", "os-floating-ip-pools", "os-floating-ips", "os-floating-ips-bulk", "os-fping",
            "os-hosts", "os-instance_usage_audit_log", "os-migrations", "os-networks", "os-quota-class-sets",
            "os-security-group-default-rules", "os-security-group-rules", "os-security-groups", "os-server-external-events",
            "os-simple-tenant-usage", "os-snapshots", "os-tenant-networks", "os-volumes", "os-volumes_boot",
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
