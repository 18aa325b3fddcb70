/// How long silence may last before somebody acts on it. One set for the whole federation: two cells with different ideas of
/// "silent" would disagree about who may run a server.
package struct Timing: Sendable, Equatable {
    /// The named sets of values.
    package enum Profile: String, Sendable, CaseIterable {
        /// For machines in different cities.
        case production
        /// For many cells on one laptop, where a drill should not take minutes.
        case lab
    }

    /// Between two heartbeats on a link. Shorter finds a silent peer sooner and costs a packet each time; three must fit into
    /// the shortest silence, so that one lost packet is not a dead peer.
    package var heartbeat: Duration
    /// The same on the link of a host, of which there are thousands and whose silence may be longer: five fit into it.
    package var hostHeartbeat: Duration { max(heartbeat, hostSilent / 5) }
    /// How many heartbeats a conductor waits for a round trip with a peer. Enough for its hosts, which beat more slowly than it does itself.
    package var conductorPatience: Int { max(5, Int((hostSilent / heartbeat).rounded(.up))) }
    /// A region without contact for longer is not scheduled to.
    package var regionSilent: Duration
    /// A host without contact for longer is not scheduled to.
    package var hostSilent: Duration
    /// BUILD ends within this: ACTIVE, or ERROR with a reason.
    package var buildDeadline: Duration
    /// An intent (other than delete) that a cell has not started by then ends `expired`.
    package var intentDeadline: Duration
    /// A cell that has not answered ReserveHost by then is passed over for this boot.
    package var reserveTimeout: Duration
    /// A synchronous question (console output) that is not answered by then is a 503.
    package var questionTimeout: Duration
    /// A claim on a host that no intent followed expires by itself.
    package var claimTTL: Duration
    /// Between two reconciliations that no wake-up asked for.
    package var reconcilePeriod: Duration

    package static func profile(_ profile: Profile) -> Timing {
        switch profile {
        case .production: production
        case .lab: lab
        }
    }

    package static let production = Timing(
        heartbeat: .seconds(1), regionSilent: .seconds(5), hostSilent: .seconds(10), buildDeadline: .seconds(600),
        intentDeadline: .seconds(600), reserveTimeout: .seconds(2), questionTimeout: .seconds(10), claimTTL: .seconds(30),
        reconcilePeriod: .seconds(10))

    package static let lab = Timing(
        heartbeat: .milliseconds(500), regionSilent: .seconds(5), hostSilent: .seconds(3), buildDeadline: .seconds(600),
        intentDeadline: .seconds(600), reserveTimeout: .seconds(2), questionTimeout: .seconds(10), claimTTL: .seconds(30),
        reconcilePeriod: .seconds(10))
}

extension Timing {
    /// Reads `timing: lab`, or a profile with values of one's own in seconds: `timing: {profile: lab, intent_deadline: 20}`.
    static func read(_ key: String, from federation: inout Section) throws -> Timing {
        guard federation.isSection(key) else { return profile(try federation.choice(key)) }
        return try federation.section(key) { section in
            var timing = profile(try section.choice("profile"))
            for (name, field) in adjustable where section.has(name) {
                timing[keyPath: field] = .seconds(try section.number(name, in: 0.05...86_400, what: "A time in seconds"))
            }
            guard timing.heartbeat * 3 <= min(timing.hostSilent, timing.regionSilent) else {
                throw section.wrong("heartbeat", "Three heartbeats must fit into host_silent and region_silent.")
            }
            return timing
        }
    }

    private static var adjustable: [(String, WritableKeyPath<Timing, Duration>)] {
        [
            ("heartbeat", \.heartbeat), ("region_silent", \.regionSilent), ("host_silent", \.hostSilent),
            ("build_deadline", \.buildDeadline), ("intent_deadline", \.intentDeadline), ("reserve_timeout", \.reserveTimeout),
            ("question_timeout", \.questionTimeout), ("claim_ttl", \.claimTTL), ("reconcile_period", \.reconcilePeriod),
        ]
    }
}
