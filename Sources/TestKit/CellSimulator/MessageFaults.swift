package import CellProtocol
internal import CloudModel
internal import Messaging

/// What happens to messages of chosen kinds, beyond what the network does to all of them. A repeated message is a new one for its handler,
/// unlike a copy on the wire, which the messenger itself knows again: so this is how a handler shows that it may be called twice.
package final class MessageFaults: Sendable {
    package enum Fault: Sendable, CaseIterable {
        /// It never arrives.
        case losesQuestion
        /// It is carried out, and the caller never hears of it.
        case losesAnswer
        /// It is carried out twice, at the same time.
        case comesTwice
        /// Later ones overtake it.
        case comesLate
    }

    private struct Rules: Sendable {
        var random: SeededRandom
        var rules: [String: Rule] = [:]
    }

    private struct Rule: Sendable {
        let faults: [Fault]
        let probability: Double
        let peer: PeerName?
    }

    private let rules: Lock<Rules>
    /// How late what comes late may come.
    private static let lateness = 200

    init(seed: UInt64) { rules = Lock(Rules(random: SeededRandom(seed: seed, for: "message faults"))) }

    /// From now on messages of this kind (to this peer; nil: to anybody) suffer one of these, at this rate.
    package func set(_ faults: [Fault], on kind: String, to peer: PeerName? = nil, probability: Double = 1) {
        rules.withLock { $0.rules[kind] = Rule(faults: faults, probability: probability, peer: peer) }
    }

    package func clear() { rules.withLock { $0.rules = [:] } }

    func fate(of kind: String, to peer: PeerName) -> Fault? {
        rules.withLock { rules in
            guard let rule = rules.rules[kind], rule.peer == nil || rule.peer == peer, rules.random.happens(rule.probability)
            else {
                return nil
            }
            return rule.faults.randomElement(using: &rules.random)
        }
    }

    func lateness() -> Duration {
        rules.withLock { .milliseconds(Int.random(in: 0...Self.lateness, using: &$0.random)) }
    }
}

/// A messenger whose messages suffer.
struct FaultyMessenger: Messenger {
    let base: any Messenger
    let faults: MessageFaults

    /// A caller that hears nothing needn't wait for its whole time to learn what it would do then.
    private static let silence = Duration.milliseconds(200)

    func call(
        _ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?, timeout: Duration
    ) async throws -> [UInt8] {
        func once() async throws -> [UInt8] {
            try await base.call(peer, kind: kind, body: body, lane: lane, request: request, timeout: timeout)
        }
        switch faults.fate(of: kind, to: peer) {
        case nil: return try await once()
        case .losesQuestion?:
            try await Task.sleep(for: min(timeout, Self.silence))
            throw MessagingError.timeout
        case .losesAnswer?:
            _ = try await once()
            throw MessagingError.timeout
        case .comesTwice?:
            async let copy = try? once()
            let answer = try await once()
            _ = await copy
            return answer
        case .comesLate?:
            try await Task.sleep(for: faults.lateness())
            return try await once()
        }
    }

    func cast(_ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?) {
        switch faults.fate(of: kind, to: peer) {
        case nil: base.cast(peer, kind: kind, body: body, lane: lane, request: request)
        case .losesQuestion?, .losesAnswer?: break
        case .comesTwice?:
            for _ in 0..<2 { base.cast(peer, kind: kind, body: body, lane: lane, request: request) }
        case .comesLate?:
            let (base, lateness) = (base, faults.lateness())
            Task {
                try await Task.sleep(for: lateness)
                base.cast(peer, kind: kind, body: body, lane: lane, request: request)
            }
        }
    }

    func handle(
        _ kind: String, from roles: Set<PeerName.Role>, _ handler: @escaping @Sendable (IncomingMessage) async throws -> [UInt8]
    ) {
        base.handle(kind, from: roles, handler)
    }

    var name: PeerName { base.name }
    var peers: [PeerContact] { base.peers }
    func contact(_ peer: PeerName) -> Duration? { base.contact(peer) }
    func events(of roles: Set<PeerName.Role>) -> AsyncStream<PeerEvent> { base.events(of: roles) }
}
