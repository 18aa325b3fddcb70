package import CloudModel

/// Conductor → hub, when the link comes up: who I am and where our two feeds stand. Each side names the last change it stored of
/// the other's feed; a side that doesn't know that change was restored from a backup.
package struct CellHello: CellCall {
    package static let kind = "cell-hello/1"

    package var release: String
    /// The last change of the API cell's feed that the cell stored.
    package var stored: FeedPosition
    /// The highest placement epoch the cell has seen.
    package var highestEpoch: PlacementEpoch
    package var summary: CellSummary

    package struct Reply: Codable, Sendable, Hashable {
        /// The last change of the cell's feed that the API cell stored.
        package var stored: FeedPosition
        /// False: the API cell doesn't know the change the cell named, so it was rewound itself and alarms.
        package var knowsYourPosition: Bool
        /// The highest placement epoch the API cell has drawn.
        package var highestEpoch: PlacementEpoch
        package init(stored: FeedPosition, knowsYourPosition: Bool, highestEpoch: PlacementEpoch) {
            self.stored = stored
            self.knowsYourPosition = knowsYourPosition
            self.highestEpoch = highestEpoch
        }
    }

    package init(release: String, stored: FeedPosition, highestEpoch: PlacementEpoch, summary: CellSummary) {
        self.release = release
        self.stored = stored
        self.highestEpoch = highestEpoch
        self.summary = summary
    }
}

/// A place in a feed: a change's number and the random mark it was given.
package struct FeedPosition: Codable, Sendable, Hashable {
    package var number: Int64
    package var mark: Int64
    package init(number: Int64, mark: Int64) {
        self.number = number
        self.mark = mark
    }
    /// Before the first change.
    package static let start = FeedPosition(number: 0, mark: 0)
}

/// Conductor → hub, on change and at most once a second: what the super-scheduler ranks cells by. At most 4 KB.
package struct CellSummary: CellCast, Hashable {
    package static let kind = "cell-summary/1"

    package enum State: String, Codable, Sendable {
        case up, draining, recovering
        /// The cell's database doesn't answer: to everyone else the cell is silent.
        case stalled
    }
    package var state: State
    /// At most `SummaryLimits.zones`.
    package var zones: [Zone]
    /// The policy weight of the region's file.
    package var weight: Double

    /// One zone of the cell: what is free in all its enabled hosts, and in the roomiest.
    package struct Zone: Codable, Sendable, Hashable {
        package var name: ZoneName
        package var hosts: Int
        package var free: ResourceSize
        package var largest: ResourceSize
        package var total: ResourceSize
        /// At most `SummaryLimits.traitsInZone`.
        package var traits: [String]
        package init(
            name: ZoneName, hosts: Int, free: ResourceSize, largest: ResourceSize, total: ResourceSize, traits: [String]
        ) {
            self.name = name
            self.hosts = hosts
            self.free = free
            self.largest = largest
            self.total = total
            self.traits = traits
        }
    }

    package init(state: State, zones: [Zone], weight: Double) {
        self.state = state
        self.zones = zones
        self.weight = weight
    }
}
