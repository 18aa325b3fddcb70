package import CloudModel

/// How long a boot waits for the region's cache before it asks Glance: however slowly bytes come, time must be left to fetch them elsewhere.
package enum NearbyPatience {
    /// For an order without a deadline: as much as one has with ten minutes left.
    package static let withoutDeadline = Duration.seconds(300)

    /// Half of what is left; zero after the deadline.
    package static func limit(until deadline: Timestamp?, at now: Timestamp) -> Duration {
        guard let deadline else { return withoutDeadline }
        return max(.zero, (deadline - now) / 2)
    }
}
