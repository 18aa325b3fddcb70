import APIConventions
import HTTPTypes
import Hummingbird

/// Which versions there are. `/` answers 300, as Glance does; `/versions` the same with 200.
extension GlanceService {
    /// Without the import and multi-store interfaces, which 2.6, 2.8 and later ones brought.
    private static let versions: [(id: String, status: String)] = [
        ("v2.9", "CURRENT"), ("v2.7", "SUPPORTED"), ("v2.5", "SUPPORTED"), ("v2.4", "SUPPORTED"), ("v2.3", "SUPPORTED"),
        ("v2.2", "SUPPORTED"), ("v2.1", "SUPPORTED"), ("v2.0", "SUPPORTED"),
    ]

    func addVersionRoutes(to router: APIRouter, publicURL: String?) {
        for (path, status) in [("/", HTTPResponse.Status.multipleChoices), ("/versions", .ok), ("/v2", .multipleChoices)] {
            router.get(RouterPath(path)) { request, _ in
                let base = publicURL ?? "http://\(request.head.authority ?? "localhost")"
                return Response.json(status) {
                    $0.array("versions") {
                        for (id, status) in Self.versions {
                            $0.object { $0.version(APIVersionEntry(id: id, status: status, selfURL: "\(base)/v2/")) }
                        }
                    }
                }
            }
        }
    }
}
