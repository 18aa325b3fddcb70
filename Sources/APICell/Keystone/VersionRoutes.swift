import APIConventions
import Hummingbird

/// `GET /` (300, every version) and `GET /v3` (this one).
struct VersionRoutes: Sendable {
    let baseURL: String

    private var entry: APIVersionEntry {
        APIVersionEntry(
            id: "v3.14", status: "stable", updated: "2020-04-07T00:00:00Z", selfURL: "\(baseURL)/v3/",
            mediaTypes: [("application/json", "application/vnd.openstack.identity-v3+json")])
    }

    func add(to router: APIRouter) {
        router.get("/") { _, _ in
            Response.json(.multipleChoices, headers: [.vary: "X-Auth-Token"]) {
                $0.object("versions") { $0.array("values") { $0.object { $0.version(entry) } } }
            }
        }
        router.get("v3") { _, _ in
            Response.json(headers: [.vary: "X-Auth-Token"]) { $0.object("version") { $0.version(entry) } }
        }
    }
}
