package import CellProtocol
package import CloudModel

/// (request, host states) → hosts in order, and why not the others. A pure function; the seed of `chance` is an argument.
package struct HostSelection: Sendable {
    /// How a region chooses.
    package enum Policy: Sendable {
        /// The least loaded host that fits.
        case simple
        /// Any host that fits, at random from the seed and the server's id.
        case chance
        /// The least loaded host that fits in the zone with the most room.
        case zone
        /// The filters and weighers of the region's file.
        case filter([any HostFilter], [Weighted])
    }

    /// A weigher and how much it counts.
    package struct Weighted: Sendable {
        package let weigher: any HostWeigher
        package let multiplier: Double
        package init(_ weigher: any HostWeigher, multiplier: Double = 1) {
            self.weigher = weigher
            self.multiplier = multiplier
        }
    }

    package let policy: Policy
    /// Draws for `chance`. For the other policies it decides between hosts that are equally good, the same way for every server: a lot per
    /// host, so that `pack` keeps to the host it began with.
    package let seed: UInt64

    package init(_ policy: Policy, seed: UInt64 = 1) {
        self.policy = policy
        self.seed = seed
    }

    /// Ranks hosts for several servers at once. Each takes its room before the next is ranked, so that a batch doesn't pile up on
    /// one host; the claims in the database decide in the end.
    package func rank(_ requests: [RankHosts.Request], among hosts: [HostState]) -> [Elimination] {
        var hosts = hosts
        return requests.map { request in
            let elimination = rank(request, among: hosts)
            if let best = elimination.ranked.first, let index = hosts.firstIndex(where: { $0.name == best }) {
                hosts[index].used = hosts[index].used + request.spec.flavor.size
                if let group = request.spec.group { hosts[index].groups[group.id.description, default: 0] += 1 }
            }
            return elimination
        }
    }

    /// Ranks hosts for one server.
    package func rank(_ request: RankHosts.Request, among hosts: [HostState]) -> Elimination {
        let wanted = HostRequest(request, among: hosts)
        var elimination = Elimination(considered: hosts.count)
        var left: [HostState] = []
        left.reserveCapacity(hosts.count)
        for host in hosts {
            guard let filter = filters.first(where: { !$0.passes(host, for: wanted) }) else {
                left.append(host)
                continue
            }
            let rule = type(of: filter).name
            elimination.removed[rule, default: 0] += 1
            if elimination.examples.count < PlacementLedger.examplesKept {
                elimination.examples.append(.init(host: host.name, rule: rule, detail: filter.reason(host, for: wanted)))
            }
        }
        elimination.ranked = order(left, for: wanted).prefix(PlacementLedger.examplesKept).map(\.name)
        return elimination
    }

    /// A policy without filters of its own still keeps to what makes a placement possible at all.
    private var filters: [any HostFilter] {
        switch policy {
        case .simple, .chance, .zone: HostFilters.standard
        case .filter(let filters, _): filters
        }
    }

    private func order(_ hosts: [HostState], for request: HostRequest) -> [HostState] {
        switch policy {
        case .simple:
            return sorted(hosts, by: hosts.map(\.freeShare))
        case .chance:
            var random = SeededRandom(seed: seed ^ WorkDigest(of: [(server: request.server, revision: Int64(0))]).hash)
            return hosts.sorted { $0.name < $1.name }.shuffled(using: &random)
        case .zone:
            let zones = Dictionary(grouping: hosts, by: \.zone)
            let room = zones.mapValues { $0.reduce(0) { $0 + $1.free.ram } }
            let lots = Dictionary(uniqueKeysWithValues: zones.keys.map { ($0, lot(of: $0.rawValue)) })
            let order = zones.keys.sorted { (room[$0] ?? 0, lots[$0] ?? 0, $1) > (room[$1] ?? 0, lots[$1] ?? 0, $0) }
            return order.flatMap { zone in sorted(zones[zone] ?? [], by: (zones[zone] ?? []).map(\.freeShare)) }
        case .filter(_, let weighers):
            var weights = [Double](repeating: 0, count: hosts.count)
            for weighted in weighers {
                let scores = hosts.map { weighted.weigher.score($0, for: request) }
                guard let low = scores.min(), let high = scores.max(), high > low else { continue }
                for (index, score) in scores.enumerated() {
                    weights[index] += weighted.multiplier * (score - low) / (high - low)
                }
            }
            return sorted(hosts, by: weights)
        }
    }

    /// The heaviest first; the lot decides between equals.
    private func sorted(_ hosts: [HostState], by weights: [Double]) -> [HostState] {
        let lots = hosts.map { lot(of: $0.name.rawValue) }
        return hosts.indices.sorted {
            (weights[$0], lots[$0], hosts[$1].name) > (weights[$1], lots[$1], hosts[$0].name)
        }.map { hosts[$0] }
    }

    /// What a name draws from the seed, the same everywhere.
    private func lot(of name: String) -> UInt64 {
        var random = SeededRandom(seed: seed, for: name)
        return random.next()
    }
}
