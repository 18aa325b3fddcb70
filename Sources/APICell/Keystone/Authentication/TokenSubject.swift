import APIConventions
import CloudModel
import Tokens

/// A role as tokens and assignments name it.
struct NamedRole: Sendable, Equatable {
    let id: String
    let name: String
}

struct NamedDomain: Sendable, Equatable {
    let id: DomainID
    let name: String
}

struct NamedProject: Sendable, Equatable {
    let id: ProjectID
    let name: String
    let domain: NamedDomain
}

/// What the database says, now, about a token's user in its scope. Only for users, projects and domains that are enabled.
struct TokenSubject: Sendable, Equatable {
    enum Scope: Sendable, Equatable {
        case unscoped
        case project(NamedProject)
        case domain(NamedDomain)
        case system
    }

    let userID: UserID
    let userName: String
    let userDomain: NamedDomain
    let scope: Scope
    /// Implied ones included.
    let roles: [NamedRole]
    let tokensNotBefore: Timestamp

    /// A scope without a role is none.
    var hasAccess: Bool { scope == .unscoped || !roles.isEmpty }
}

/// A token that held when it was looked at.
struct ValidToken: Sendable {
    let payload: TokenPayload
    let subject: TokenSubject
    let caller: Caller

    init(payload: TokenPayload, subject: TokenSubject) {
        self.payload = payload
        self.subject = subject
        let project: NamedProject? = if case .project(let project) = subject.scope { project } else { nil }
        let domain: NamedDomain? = if case .domain(let domain) = subject.scope { domain } else { nil }
        caller = Caller(
            userID: subject.userID, userName: subject.userName, userDomainID: subject.userDomain.id, projectID: project?.id,
            projectName: project?.name, projectDomainID: project?.domain.id, domainID: domain?.id,
            isSystemScoped: subject.scope == .system, roles: Set(subject.roles.map(\.name)), issuedAt: payload.issuedAt,
            expiresAt: payload.expiresAt, auditIDs: payload.auditIDs)
    }
}
