import APIConventions
import Hummingbird
import Tokens

extension GlanceService {
    /// The public half of the key that signs grants, for the regions' gateways, which verify them without asking. It is no secret; that it is
    /// ours is known by TLS.
    func addGrantKeyRoute(to router: APIRouter) {
        router.get("/meridian/v1/grant-key") { [self] _, _ in
            Response.json {
                $0.object("grant_key") {
                    $0.field("algorithm", "Ed25519")
                    $0.field("public_key", grantKey.text)
                }
            }
        }
    }
}
