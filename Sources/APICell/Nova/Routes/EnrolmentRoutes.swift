import APIConventions
import Hummingbird

/// Where cells enrol. Without a token of Keystone's: what they bring is their own.
struct EnrolmentRoutes: Sendable {
    let service: NovaService
    let enrol: EnrolCell

    func add(to router: Router<APIRequestContext>) {
        let group = router.group("/meridian/v1")
            .add(middleware: ErrorMiddleware(.meridian, identityURL: service.identityURL, translate: NovaService.translate))
        group.post("/enrolments") { request, _ -> Response in
            let enrolment = try await enrol(try await readJSON(request, limit: EnrolCell.largestBody))
            return Response.json(enrolment.isNew ? .created : .ok) {
                $0.object("enrolment") {
                    $0.field("cell", enrolment.cell)
                    $0.field("federation", enrol.welcome.federation)
                    $0.field("hub_key", enrol.welcome.hubKey)
                }
            }
        }
    }
}
