package import RegionConfig

extension HostSelection {
    /// As the region's file chose.
    package init(_ scheduling: Scheduling) throws {
        switch scheduling.policy {
        case .simple: self.init(.simple, seed: scheduling.seed)
        case .chance: self.init(.chance, seed: scheduling.seed)
        case .zone: self.init(.zone, seed: scheduling.seed)
        case .filter:
            let filters = scheduling.filters.compactMap { HostFilters.named($0.rawValue) }
            let weighers = scheduling.weighers.compactMap { weighted in
                HostWeighers.named(weighted.weigher.rawValue).map { Weighted($0, multiplier: weighted.multiplier) }
            }
            // A soft rule is a tenant's wish; no region file has to know of it, and it weighs nothing for servers without one.
            self.init(.filter(filters, weighers + [Weighted(SoftGroupWeigher())]), seed: scheduling.seed)
        }
    }
}
