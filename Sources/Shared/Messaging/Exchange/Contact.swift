/// Whether a peer is there: heartbeats in, a verdict out. No clock, no I/O.
///
/// Contact is a round trip. A heartbeat counts only if it echoes one of ours that no earlier one echoed, and it counts from when that
/// one was *sent*: so a link cut in one direction is silence for both sides, and what a frozen process finds in its buffers when it
/// wakes proves nothing about the present.
struct Contact {
    /// How many heartbeats may be on the way. At one a second this is a round trip of half a minute.
    private static let remembered = 32

    /// Ours; see `Heartbeat.incarnation`.
    private let incarnation: UInt64
    private var sent: UInt64 = 0
    private var sentAt: [BootInstant] = []
    private var confirmed: UInt64 = 0

    private var seen: UInt64 = 0
    private var seenIncarnation: UInt64 = 0

    private(set) var lastRoundTrip: BootInstant?
    /// Whose joining was told; nil while out of contact.
    private var joined: UInt64?

    init(incarnation: UInt64) {
        self.incarnation = incarnation
    }

    var isJoined: Bool { joined != nil }

    /// The next heartbeat of ours.
    mutating func beat(at now: BootInstant) -> Heartbeat {
        sent += 1
        if sentAt.count < Self.remembered {
            sentAt.append(now)
        } else {
            sentAt[Int(sent - 1) % Self.remembered] = now
        }
        return Heartbeat(incarnation: incarnation, number: sent, echo: seen, echoedIncarnation: seenIncarnation)
    }

    /// True when the peer has come into contact: for the first time, again, or as a new process.
    mutating func received(_ heartbeat: Heartbeat) -> Bool {
        guard heartbeat.number > 0 else { return false }
        if heartbeat.incarnation != seenIncarnation {
            seenIncarnation = heartbeat.incarnation
            seen = heartbeat.number
        } else {
            seen = max(seen, heartbeat.number)
        }
        guard heartbeat.echoedIncarnation == incarnation, heartbeat.echo > confirmed, heartbeat.echo <= sent,
            sent - heartbeat.echo < Self.remembered
        else { return false }
        confirmed = heartbeat.echo
        lastRoundTrip = sentAt[Int(confirmed - 1) % Self.remembered]
        defer { joined = heartbeat.incarnation }
        return joined != heartbeat.incarnation
    }

    /// True when the peer has just fallen out of contact.
    mutating func lapse(at now: BootInstant, after silence: Duration) -> Bool {
        guard joined != nil, let lastRoundTrip, now - lastRoundTrip > silence else { return false }
        joined = nil
        return true
    }
}
