import APIConventions
import CloudModel
import Hummingbird

/// A request as the verbs see it: who asks, in which version, at which endpoint, with the path's and the query's parts read.
struct NovaRequest: Sendable {
    let id: CloudModel.RequestID
    let received: Timestamp
    let caller: Caller
    /// The project the token is scoped to; empty for an administrator whose token is scoped to none.
    let project: ProjectID
    let version: Microversion
    /// The region whose endpoint was called; nil: the federation-wide one.
    let region: String?
    let links: Links
    let query: QueryItems
    private let policy: Policy
    private let request: Request
    private let context: APIRequestContext

    /// Throws 403 for a token without a project, 400 when the URL names another project than the token's.
    init(_ request: Request, _ context: APIRequestContext, publicURL: String, policy: Policy) throws(CloudError) {
        id = context.requestID
        received = .now()
        caller = try context.caller
        if let project = caller.projectID {
            self.project = project
        } else if caller.isAdmin {
            project = ""
        } else {
            project = try caller.scopedProject()
        }
        version = context.microversion
        region = context.parameters.get("region")
        if let asked = context.parameters.get("project_id"), caller.projectID != nil, asked != project.rawValue {
            throw CloudError(
                .badRequest,
                "Malformed request URL: URL's project_id '\(asked)' doesn't match Context's project_id '\(project)'")
        }
        links = Links(root: region.map { "\(publicURL)/regions/\($0)" } ?? publicURL)
        query = try request.query
        self.policy = policy
        self.request = request
        self.context = context
    }

    var user: UserID { caller.userID }
    var path: String { request.uri.path }

    /// Throws 403 unless the caller may do this in its own project.
    func enforce(_ action: String) throws(CloudError) {
        try policy.enforce(action, by: caller, on: ["project_id": project.rawValue])
    }

    /// Throws 403 unless the caller may do this with what is this user's.
    func enforce(_ action: String, onThingsOf user: UserID) throws(CloudError) {
        try policy.enforce(action, by: caller, on: ["project_id": project.rawValue, "user_id": user.rawValue])
    }

    func allows(_ action: String) -> Bool {
        policy.allows(action, by: caller, on: ["project_id": project.rawValue])
    }

    /// A part of the path.
    func parameter(_ name: String) throws(CloudError) -> String { try context.parameter(name) }

    /// A server's id in the path; what isn't a UUID can't exist.
    func serverID() throws(CloudError) -> ServerID { try context.parameter("server", orNotFound: ServerErrors.notFoundMessage) }

    func json() async throws -> JSONValue { try await readJSON(request) }

    func header(_ name: String) -> String? { request.headers.first { $0.name.canonicalName == name }?.value }

    /// Which servers the caller may touch: an administrator those of all projects.
    var reach: ServerReach {
        ServerReach(project: caller.isAdmin ? nil : project, homeRegion: region, respectsLock: !caller.isAdmin)
    }
}
