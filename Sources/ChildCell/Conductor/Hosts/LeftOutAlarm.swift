internal import CloudModel
internal import Logging
internal import Observability

/// Says once of each zone and trait that it has no place in the cell's summary: hosts have drifted from the region's file, which is held
/// to the same limits.
actor LeftOutAlarm {
    private let log: Logger
    private var known: Set<SummarizedHosts.LeftOut> = []

    init(log: Logger) { self.log = log }

    func saw(_ leftOut: Set<SummarizedHosts.LeftOut>) {
        let news = leftOut.subtracting(known)
        known = leftOut
        for one in news {
            switch one {
            case .zone(let zone):
                log.warning(
                    "a zone is one too many for the cell's summary: no server is placed by its name",
                    metadata: ["zone": "\(zone)", "limit": "\(SummaryLimits.zones)"])
            case .trait(let trait, let zone):
                log.warning(
                    "a trait is one too many for its zone in the cell's summary: no server is placed by it",
                    metadata: ["zone": "\(zone)", "trait": "\(trait)", "limit": "\(SummaryLimits.traitsInZone)"])
            }
        }
    }
}
