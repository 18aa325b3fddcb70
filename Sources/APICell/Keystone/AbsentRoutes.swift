import APIConventions
import CloudModel
import Hummingbird

/// Parts of Keystone's API that this federation doesn't offer: 501 and a sentence, rather than a 404 that looks like a mistake.
enum AbsentRoutes {
    private static let parts = [
        "groups", "credentials", "policies", "limits", "registered_limits", "ec2tokens", "s3tokens", "OS-TRUST",
        "OS-FEDERATION",
        "OS-EP-FILTER", "OS-OAUTH1", "OS-OAUTH2", "OS-INHERIT", "OS-ENDPOINT-POLICY", "OS-SIMPLE-CERT", "OS-REVOKE",
    ]
    private static let underUsers = ["application_credentials", "access_rules", "groups", "credentials"]

    static func add(to routes: APIRoutes) {
        for part in parts {
            refuse(part, RouterPath("\(part)"), routes)
            refuse(part, RouterPath("\(part)/**"), routes)
        }
        for part in underUsers {
            refuse(part, RouterPath("users/{user}/\(part)"), routes)
            refuse(part, RouterPath("users/{user}/\(part)/**"), routes)
        }
    }

    private static func refuse(_ part: String, _ path: RouterPath, _ routes: APIRoutes) {
        for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] {
            routes.on(path, method: method) { _, _ -> Response in
                throw CloudError(.notImplemented, "This federation's identity service has no \(part).")
            }
        }
    }
}
