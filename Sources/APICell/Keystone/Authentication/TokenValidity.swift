import APIConventions
import CloudModel
import Tokens

/// Decides whether a token holds: its seal, its expiry, and, at most a second ago, what the database said of its user, scope and
/// revocation.
///
/// What was found is remembered for ``memory``: a hit costs a dictionary lookup. A change made through this process is seen at
/// once; one made through another after its wake-up, at the latest after ``memory``.
final class TokenValidity: TokenAuthenticator {
    /// Longer means that a removed role works longer when a wake-up is lost; shorter means more queries a second and token.
    static let memory = Duration.seconds(1)
    /// Tokens remembered. One takes about 1 KiB.
    private static let limit = 10_000

    private struct Entry {
        let token: ValidToken
        let seenAt: ContinuousClock.Instant
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// Raised by every change, so that an answer read before it isn't remembered after it.
        var generation = 0
    }

    private let keys: FernetKeyRing
    private let store: TokenStore
    private let state = Lock(State())

    init(keys: FernetKeyRing, store: TokenStore) {
        self.keys = keys
        self.store = store
    }

    func authenticate(token: String) async throws -> Caller { try await validate(token).caller }

    /// Throws 401 for whatever isn't a token that holds now.
    func validate(_ token: String, now: Timestamp = .now()) async throws -> ValidToken {
        let (known, generation) = state.withLock { state in
            (state.entries[token].flatMap { ContinuousClock.now - $0.seenAt < Self.memory ? $0.token : nil }, state.generation)
        }
        if let known {
            guard known.payload.expiresAt > now else { throw CloudError.requiresAuthentication }
            return known
        }
        guard let payload = keys.open(token).flatMap(TokenPayload.init(decoding:)), payload.expiresAt > now,
            let subject = try await store.subject(payload.userID, in: payload.scope, notRevoked: payload.auditIDs),
            subject.hasAccess, payload.issuedAt >= subject.tokensNotBefore
        else { throw CloudError.requiresAuthentication }
        let valid = ValidToken(payload: payload, subject: subject)
        remember(token, valid, generation)
        return valid
    }

    /// The token's text.
    func seal(_ payload: TokenPayload) -> String { keys.seal(payload.encoded, at: payload.issuedAt) }

    func forget() {
        state.withLock { state in
            state.entries.removeAll(keepingCapacity: true)
            state.generation += 1
        }
    }

    private func remember(_ text: String, _ token: ValidToken, _ generation: Int) {
        let now = ContinuousClock.now
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.entries.count >= Self.limit {
                state.entries = state.entries.filter { now - $0.value.seenAt < Self.memory }
                if state.entries.count >= Self.limit { state.entries.removeAll(keepingCapacity: true) }
            }
            state.entries[text] = Entry(token: token, seenAt: now)
        }
    }
}
