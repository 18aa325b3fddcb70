package import CellProtocol
package import CloudModel

/// How processes of different cells and hosts talk. Handlers and callers see only this; `ZeroMQMessenger` carries it over TCP with
/// CURVE, `MemoryMessenger` inside a test with faults from a seed, and one contract test suite holds for both.
///
/// A message is a wake-up or a question, never the truth: it may be lost, late or (on the twin) doubled. What must happen is a row.
package protocol Messenger: Sendable {
    /// This process.
    var name: PeerName { get }

    /// Asks a peer and waits for its answer, `timeout` at most. The remaining time travels with the message: the peer gives up when
    /// the caller has.
    ///
    /// Throws `MessagingError`, or `CancellationError` when the calling task is cancelled (the slot is free at once; the peer may
    /// still have done what was asked). A peer that dialled us and isn't connected is `.unreachable` at once; for a peer that we dial
    /// the message waits for the connection until `timeout`.
    func call(
        _ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?, timeout: Duration
    ) async throws -> [UInt8]

    /// Tells a peer something, without an answer. Never blocks and never fails: what can't be sent is counted and dropped. Casts from
    /// one peer are handled in the order in which they came, one at a time.
    func cast(_ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?)

    /// Registers who answers messages of a kind, and which roles may say it. Register everything before the messenger runs. For a
    /// cast the answer is dropped. A `CloudError` thrown travels to the caller with its code and message (never its detail); any
    /// other error is logged here and reaches the caller as `internalError`. The handler's task is cancelled when the caller's time
    /// is over.
    func handle(
        _ kind: String, from roles: Set<PeerName.Role>,
        _ handler: @escaping @Sendable (IncomingMessage) async throws -> [UInt8])

    /// Peers in contact now, by name.
    var peers: [PeerContact] { get }

    /// Time since the last round trip with a peer, measured from when its first half was *sent* on CLOCK_BOOTTIME; nil: never in the
    /// life of this process, or only through a simulator that has no say in it any more.
    func contact(_ peer: PeerName) -> Duration?

    /// Peers of these roles that come into contact and fall out of it. Starts with a `.joined` for each that is in contact now. A reader
    /// that is more than 4,096 events behind loses the oldest: look at `peers` as well, by period, and ask only for whom you wait, or a
    /// link's thousands of hosts hide the others.
    func events(of roles: Set<PeerName.Role>) -> AsyncStream<PeerEvent>
}

/// Which socket carries a message, so that a snapshot of a cell never stands before a reservation.
package enum Lane: UInt8, Sendable, CaseIterable {
    /// Calls and wake-ups; 1 MiB a message at most.
    case control = 0
    /// Feeds and snapshots; 8 MiB a message at most.
    case bulk = 1

    /// Bytes of a message, unless a messenger's limits say otherwise. More would let one message hold up those behind it; less would cut
    /// what is asked for together into more questions.
    package var bytes: Int {
        switch self {
        case .control: 1 << 20
        case .bulk: 8 << 20
        }
    }
}

/// Names one message of one peer, so that a copy of it is recognised. Starts at a random number in each process and counts up.
package struct MessageID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { String(rawValue, radix: 16) }
}

/// A message as its handler sees it.
package struct IncomingMessage: Sendable {
    /// Who said it: bound to the connection's key, never claimed by the message. Only a simulator says which of its hosts it means.
    package let from: PeerName
    package let kind: String
    package let body: [UInt8]
    /// The API request that caused it, if one did.
    package let request: RequestID?
    package let id: MessageID
    /// The time the sender still had for it when it arrived here. Calls that this one needs should take less.
    package let deadline: Duration

    package init(from: PeerName, kind: String, body: [UInt8], request: RequestID?, id: MessageID, deadline: Duration) {
        self.from = from
        self.kind = kind
        self.body = body
        self.request = request
        self.id = id
        self.deadline = deadline
    }
}

/// A peer in contact.
package struct PeerContact: Sendable, Hashable {
    package let peer: PeerName
    /// Time since the last round trip; see `Messenger.contact`.
    package let age: Duration
}

/// A change of who can be reached.
package enum PeerEvent: Sendable, Hashable {
    /// The first round trip with a process of that name: also after it was lost, and when the process was replaced by a new one.
    case joined(PeerName)
    /// No round trip for `MessagingLimits.silentAfter` heartbeats.
    case lost(PeerName)

    var peer: PeerName {
        switch self {
        case .joined(let peer), .lost(let peer): peer
        }
    }
}
