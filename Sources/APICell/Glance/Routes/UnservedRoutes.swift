import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

/// What Glance has and this doesn't serve yet: 501 with a sentence rather than a 404 that looks like a mistake of the client's.
extension GlanceService {
    func addUnserved(to routes: APIRoutes) {
        let unserved: [(String, String, [HTTPRequest.Method])] = [
            ("tasks", "Tasks", [.get, .post]), ("tasks/**", "Tasks", [.get]),
            ("metadefs/**", "Metadata definitions", [.get, .post, .put, .delete]),
            ("images/{id}/stage", "Staging an image", [.put]), ("images/{id}/import", "Importing an image", [.post]),
            ("info/stores", "Listing stores", [.get]), ("info/stores/**", "Listing stores", [.get]),
        ]
        for (path, what, methods) in unserved {
            for method in methods {
                routes.on(RouterPath(path), method: method) { _, _ -> Response in
                    throw CloudError(
                        .notImplemented, "\(what) is not served by this cloud yet. Upload with PUT /v2/images/{id}/file.")
                }
            }
        }
    }
}
