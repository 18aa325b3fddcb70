import APIConventions
import CloudModel
import Hummingbird

/// Version discovery, which needs no token: what is at `/`, and what `/v2.1` is.
struct VersionRoutes: Sendable {
    let service: NovaService

    func add(to router: Router<APIRequestContext>) {
        for prefix in ["", "/regions/{region}"] {
            let group = router.group(RouterPath(prefix))
                .add(middleware: ErrorMiddleware(.nova, identityURL: service.identityURL, translate: NovaService.translate))
            group.get("/") { _, context in
                let root = root(context)
                return Response.json {
                    $0.array("versions") {
                        $0.object { $0.version(Self.v20(root)) }
                        $0.object { $0.version(Self.v21(root)) }
                    }
                }
            }
            group.get("/v2") { _, context in
                let root = root(context)
                return Response.json { $0.object("version") { $0.version(Self.withMedia(Self.v20(root), "v2")) } }
            }
            group.get("/v2.1") { _, context in
                let root = root(context)
                return Response.json { $0.object("version") { $0.version(Self.withMedia(Self.v21(root), "v2.1")) } }
            }
        }
    }

    private func root(_ context: APIRequestContext) -> String {
        context.parameters.get("region").map { "\(service.publicURL)/regions/\($0)" } ?? service.publicURL
    }

    /// What is served at `/v2` is 2.1, under the name that older clients look for.
    private static func v20(_ root: String) -> APIVersionEntry {
        APIVersionEntry(
            id: "v2.0", status: "SUPPORTED", updated: "2011-01-21T11:33:21Z", version: "", minimumVersion: "",
            selfURL: "\(root)/v2/")
    }

    private static func v21(_ root: String) -> APIVersionEntry {
        APIVersionEntry(
            id: "v2.1", status: "CURRENT", updated: "2013-07-23T11:33:21Z", version: ServedVersions.last.description,
            minimumVersion: ServedVersions.first.description, selfURL: "\(root)/v2.1/")
    }

    private static func withMedia(_ entry: APIVersionEntry, _ name: String) -> APIVersionEntry {
        var entry = entry
        entry.mediaTypes = [
            ("application/json", "application/vnd.openstack.compute+json;version=\(name == "v2" ? "2" : "2.1")")
        ]
        return entry
    }
}
