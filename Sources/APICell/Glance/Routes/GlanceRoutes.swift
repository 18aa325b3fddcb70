package import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird

extension GlanceService {
    /// Adds the whole API to a router made by `Router.service("glance", errors: .glance, …)`. Everything but the versions and
    /// the grants' public key needs a token; downloading an image also takes a host's grant.
    package func addRoutes(to router: APIRouter, authenticator: any TokenAuthenticator, publicURL: String? = nil) {
        addVersionRoutes(to: router, publicURL: publicURL)
        addGrantKeyRoute(to: router)
        router.group("/v2").add(middleware: FaultMiddleware()).get("images/{id}/file") { [self] request, context in
            try await answerDownload(request, context, authenticator)
        }
        let routes = router.group("/v2").add(middleware: FaultMiddleware()).add(
            middleware: AuthenticationMiddleware(authenticator))
        addSchemaRoutes(to: routes)
        addImageRoutes(to: routes)
        addTagRoutes(to: routes)
        addMemberRoutes(to: routes)
        addFileRoutes(to: routes)
        addUnserved(to: routes)
    }

    func caller(_ context: APIRequestContext) throws(CloudError) -> ImageCaller {
        ImageCaller(caller: try context.caller, policy: policy)
    }

    static func imageID(_ context: APIRequestContext) throws(CloudError) -> ImageID {
        try context.parameter("id", as: ImageID.self) { "No image found with ID \($0)" }
    }
}
