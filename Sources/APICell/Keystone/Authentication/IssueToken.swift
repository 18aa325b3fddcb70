import APIConventions
import CloudModel
import Tokens

/// `POST /v3/auth/tokens`: who proves to be whom gets a token in the scope asked for.
///
/// Every refusal is the same 401 and takes as long as a wrong password, whether or not the user exists.
struct IssueToken: Sendable {
    let identity: Identity
    private var store: TokenStore { TokenStore(database: identity.database) }

    /// The proven user, and what is kept of the token it was proven with.
    private struct Proven {
        var user: UserID
        var defaultProject: ProjectID?
        var methods: TokenPayload.Methods
        var expiresAt: Timestamp
        var auditChain: [String]
    }

    func callAsFunction(_ request: AuthenticationRequest, now: Timestamp = .now()) async throws -> (
        text: String, token: ValidToken
    ) {
        let proven = try await prove(request.proofs, now: now)
        let scope = try await scope(request.scope, for: proven)
        guard let subject = try await store.subject(proven.user, in: scope, notRevoked: []), subject.hasAccess else {
            throw CloudError.requiresAuthentication
        }
        let payload = TokenPayload(
            userID: proven.user, scope: scope, methods: proven.methods, issuedAt: now, expiresAt: proven.expiresAt,
            auditIDs: [TokenPayload.newAuditID()] + proven.auditChain)
        return (identity.validity.seal(payload), ValidToken(payload: payload, subject: subject))
    }

    /// All proofs must hold and mean the same user.
    private func prove(_ proofs: [AuthenticationRequest.Proof], now: Timestamp) async throws -> Proven {
        var found: Proven?
        for proof in proofs {
            let one: Proven
            switch proof {
            case .password(let selector, let password):
                let account = try await store.account(selector)
                let isRight = try await identity.hasher.matches(password, stored: account?.passwordHash)
                guard let account, isRight else { throw CloudError.requiresAuthentication }
                one = Proven(
                    user: account.id, defaultProject: account.defaultProject, methods: .password,
                    expiresAt: now + identity.tokenLifetime, auditChain: [])
            case .token(let text):
                let token = try await identity.validity.validate(text, now: now)
                let account = try await store.account(.id(token.payload.userID))
                one = Proven(
                    user: token.payload.userID, defaultProject: account?.defaultProject,
                    methods: token.payload.methods.union(.token), expiresAt: token.payload.expiresAt,
                    auditChain: token.payload.auditIDs.suffix(1))
            }
            guard var known = found else {
                found = one
                continue
            }
            guard known.user == one.user else { throw CloudError.requiresAuthentication }
            known.methods.formUnion(one.methods)
            known.expiresAt = min(known.expiresAt, one.expiresAt)
            known.auditChain = known.auditChain.isEmpty ? one.auditChain : known.auditChain
            found = known
        }
        guard let found else { throw CloudError.requiresAuthentication }
        return found
    }

    private func scope(_ asked: AuthenticationRequest.Scope, for proven: Proven) async throws -> TokenPayload.Scope {
        switch asked {
        case .unscoped: return .unscoped
        case .system: return .system
        case .project(let selector):
            guard let id = try await store.project(selector) else { throw CloudError.requiresAuthentication }
            return .project(id)
        case .domain(let selector):
            guard let id = try await store.domain(selector) else { throw CloudError.requiresAuthentication }
            return .domain(id)
        case .byDefault:
            // A default project that is gone or closed to the user is no reason to refuse: the token is unscoped then.
            guard let project = proven.defaultProject,
                let subject = try await store.subject(proven.user, in: .project(project), notRevoked: []), subject.hasAccess
            else { return .unscoped }
            return .project(project)
        }
    }
}
