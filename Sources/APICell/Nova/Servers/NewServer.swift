import CellProtocol
import CloudModel

/// A server that is about to be stored, with its create action: what `CreateServer` decided and `ServerStore.insert` writes.
struct NewServer: Sendable {
    let id: ServerID
    let intent: IntentID
    let request: RequestID?
    let spec: ServerSpec
    let description: String?
    let homeRegion: String?
    let accessIPv4: String?
    let accessIPv6: String?
    let reservation: String
    let createdAt: Timestamp
    let deadline: Timestamp
    /// Steps 1 to 7 of the classic flow, as this process took them.
    let steps: [TraceStep]
}

/// One `POST /servers`: one or several servers that are stored together or not at all.
struct CreateOrder: Sendable {
    let project: ProjectID
    let servers: [NewServer]
    let idempotency: IdempotencyKey?

    var asked: QuotaUsage {
        QuotaUsage(
            instances: servers.count, cores: servers.reduce(0) { $0 + $1.spec.flavor.vcpus },
            ram: servers.reduce(0) { $0 + $1.spec.flavor.ram })
    }
}

/// The optional `Idempotency-Key` of `POST /servers`: the same key with the same body within 24 h replays the answer, with
/// another body it is a conflict. A client's request id never deduplicates.
struct IdempotencyKey: Sendable, Hashable {
    let key: String
    /// SHA-256 over the request's body, hex.
    let bodyHash: String
    /// The body of the answer, to be replayed. Never holds a password: one that was generated is shown once.
    let answer: String

    static let longest = 255
}

/// How an order ended.
enum CreateOutcome: Sendable {
    case stored
    /// The key was used before with the same body: the answer of then.
    case replayed(server: ServerID, answer: String)
    case keyReused
    case overQuota(QuotaRefusal)
    case groupFull
}
