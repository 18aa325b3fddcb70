package import CloudModel

/// Who is asking, as the token says. Made by a ``TokenAuthenticator`` and by nothing else: headers that claim an identity are
/// removed before any route sees them.
package struct Caller: Sendable, Equatable {
    package let userID: UserID
    package let userName: String
    package let userDomainID: DomainID
    /// nil for unscoped, domain-scoped and system-scoped tokens.
    package let projectID: ProjectID?
    package let projectName: String?
    package let projectDomainID: DomainID?
    /// Set for a token that is scoped to a domain.
    package let domainID: DomainID?
    package let isSystemScoped: Bool
    /// By name, implied ones included.
    package let roles: Set<String>
    package let issuedAt: Timestamp
    package let expiresAt: Timestamp
    package let auditIDs: [String]

    package init(
        userID: UserID, userName: String, userDomainID: DomainID = "default", projectID: ProjectID? = nil,
        projectName: String? = nil, projectDomainID: DomainID? = nil, domainID: DomainID? = nil, isSystemScoped: Bool = false,
        roles: Set<String>, issuedAt: Timestamp = .now(), expiresAt: Timestamp, auditIDs: [String] = []
    ) {
        self.userID = userID
        self.userName = userName
        self.userDomainID = userDomainID
        self.projectID = projectID
        self.projectName = projectName
        self.projectDomainID = projectDomainID
        self.domainID = domainID
        self.isSystemScoped = isSystemScoped
        self.roles = roles
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.auditIDs = auditIDs
    }

    /// Nova's `context.is_admin`: the role admin, in whatever scope.
    package var isAdmin: Bool { roles.contains("admin") }

    /// The project a request acts in. Throws 403 when the token isn't scoped to one.
    package func scopedProject() throws(CloudError) -> ProjectID {
        guard let projectID else {
            throw CloudError(
                .forbidden, "This needs a token that is scoped to a project. Ask for one with a project in its scope.")
        }
        return projectID
    }
}

/// Turns the text of X-Auth-Token into a caller. Keystone implements it in process; a test implements it with a dictionary.
package protocol TokenAuthenticator: Sendable {
    /// Throws `CloudError.unauthorized` for a token that is malformed, forged, expired or revoked, without saying which.
    func authenticate(token: String) async throws -> Caller
}

extension CloudError {
    /// Keystone's one sentence for every failed authentication: it must not tell which part was wrong.
    package static let requiresAuthentication = CloudError(.unauthorized, "The request you have made requires authentication.")
}
