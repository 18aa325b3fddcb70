import Observability

/// Carries a messenger's counters into the process's metrics, once a heartbeat. Several messengers of a process (a simulation's
/// hosts) add up.
struct MessagingMetrics {
    private static let names: [(any KeyPath<MessagingCounters, Int> & Sendable, String)] = [
        (\.sent, "sent"), (\.received, "received"), (\.heartbeats, "heartbeat"), (\.answered, "answered"),
        (\.timedOut, "timed_out"), (\.undeliverable, "undeliverable"), (\.overloaded, "overloaded"), (\.tooLarge, "too_large"),
        (\.oversized, "oversized"), (\.reconnected, "reconnected"),
        (\.malformed, "malformed"),
        (\.unknownKind, "unknown_kind"), (\.forbidden, "forbidden"), (\.duplicates, "duplicate"), (\.failed, "failed"),
        (\.lateReplies, "late_reply"), (\.superseded, "superseded"), (\.unknownKeys, "unknown_key"),
        (\.claimedNames, "claimed_name"),
        (\.admitted, "admitted"),
    ]

    private let counters: [Counter]
    private let peers: Gauge
    private var told = MessagingCounters()
    private var toldPeers = 0

    init(_ registry: MetricsRegistry = .shared) {
        counters = Self.names.map { registry.counter("meridian_messages_total", ["event": $0.1]) }
        peers = registry.gauge("meridian_peers_in_contact")
    }

    mutating func publish(_ now: MessagingCounters, peers count: Int) {
        for (counter, (path, _)) in zip(counters, Self.names) where now[keyPath: path] != told[keyPath: path] {
            counter.increment(by: now[keyPath: path] - told[keyPath: path])
        }
        told = now
        peers.add(Double(count - toldPeers))
        toldPeers = count
    }
}
