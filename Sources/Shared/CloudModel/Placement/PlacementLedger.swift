/// Which cells and hosts were considered for a server, and why not the others. Kept with the server's create action, shown by
/// `server explain`. A count per rule and at most `examplesKept` examples a cell, so that it stays small with thousands of hosts.
package struct PlacementLedger: Codable, Sendable, Hashable {
    package static let examplesKept = 20

    /// One cell, ruled out before it was asked, or asked.
    package struct Attempt: Codable, Sendable, Hashable {
        package enum Outcome: String, Codable, Sendable {
            /// The super-scheduler's own rules removed it.
            case ruledOut
            /// It reserved a host.
            case reserved
            /// It answered that it has no room, and why.
            case noRoom
            /// It did not answer in time.
            case silent
            /// It took the server and gave it back: no claim left, or every host failed.
            case refused
        }
        package var cell: CellName
        package var outcome: Outcome
        package var at: Timestamp
        package var host: HostName?
        /// Why it has no host there; of a cell that reserved one, what had spoken against asking it.
        package var reason: String?
        /// What the reason leaves out because it tells what the region has: for administrators. Nil in ledgers of older releases.
        package var detail: String?
        package var weight: Double?
        package var elimination: Elimination?

        package init(
            cell: CellName, outcome: Outcome, at: Timestamp, host: HostName? = nil, reason: String? = nil,
            detail: String? = nil, weight: Double? = nil,
            elimination: Elimination? = nil
        ) {
            self.cell = cell
            self.outcome = outcome
            self.at = at
            self.host = host
            self.reason = reason
            self.detail = detail
            self.weight = weight
            self.elimination = elimination
        }
    }

    package var attempts: [Attempt]
    package init(attempts: [Attempt] = []) { self.attempts = attempts }

    /// What a tenant may read: which cells and rules, not which hosts, nor what a region has: a weight is the share that is free.
    package var redacted: PlacementLedger {
        PlacementLedger(
            attempts: attempts.map { attempt in
                var attempt = attempt
                attempt.host = nil
                attempt.detail = nil
                attempt.weight = nil
                attempt.elimination?.examples = []
                attempt.elimination?.ranked = []
                return attempt
            })
    }
}

/// Which rule removed how many hosts of a cell, what would have fitted, and the hosts that were left, best first.
package struct Elimination: Codable, Sendable, Hashable {
    /// One host that a rule removed.
    package struct Example: Codable, Sendable, Hashable {
        package var host: HostName
        package var rule: String
        package var detail: String
        package init(host: HostName, rule: String, detail: String) {
            self.host = host
            self.rule = rule
            self.detail = detail
        }
    }

    package var considered: Int
    /// Rule → how many hosts it removed.
    package var removed: [String: Int]
    package var examples: [Example]
    /// The hosts that passed every rule, best first, at most `PlacementLedger.examplesKept`.
    package var ranked: [HostName]

    package init(considered: Int = 0, removed: [String: Int] = [:], examples: [Example] = [], ranked: [HostName] = []) {
        self.considered = considered
        self.removed = removed
        self.examples = examples
        self.ranked = ranked
    }
}
