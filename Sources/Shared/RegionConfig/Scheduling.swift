/// How a region's scheduler ranks its hosts.
package struct Scheduling: Sendable, Equatable {
    package enum Policy: String, Sendable, CaseIterable {
        /// The least loaded host that has room.
        case simple
        /// Any host that has room, drawn from the seed.
        case chance
        /// The wanted zone's hosts first, the least loaded of them.
        case zone
        /// The filters below remove hosts, the weighers below order the rest.
        case filter
    }

    package enum Filter: String, Sendable, CaseIterable {
        case availabilityZone = "availability_zone"
        case enabled
        case cpu
        case memory
        case disk
        case traits
        case affinity
        case antiAffinity = "anti_affinity"
    }

    /// How hosts are ordered. A region's own weight is no such thing: it orders regions, and is `region.weight`.
    package enum Weigher: String, Sendable, CaseIterable {
        /// The emptiest host first.
        case spread
        /// The fullest host that still has room first.
        case pack
        /// Hosts that already have the image first.
        case imageLocality = "image_locality"
    }

    package struct WeightedWeigher: Sendable, Equatable {
        package let weigher: Weigher
        /// Negative turns the order round.
        package let multiplier: Double

        package init(_ weigher: Weigher, _ multiplier: Double = 1) {
            self.weigher = weigher
            self.multiplier = multiplier
        }
    }

    package let policy: Policy
    /// For `chance`, and to break the ties of the other policies: the same seed and the same questions give the same answers.
    package let seed: UInt64
    /// Used by `filter`; the other policies use all filters.
    package let filters: [Filter]
    package let weighers: [WeightedWeigher]

    package init(
        policy: Policy, seed: UInt64 = 1, filters: [Filter] = Filter.allCases,
        weighers: [WeightedWeigher] = [WeightedWeigher(.spread)]
    ) {
        self.policy = policy
        self.seed = seed
        self.filters = filters
        self.weighers = weighers
    }
}
