/// The slowest that a transfer from Glance may be: one that trickles holds all hosts that wait for the image, and ends by its length alone.
package struct LeastRate: Sendable {
    /// In each period.
    package var bytes: Int
    /// Longer lets a line stumble, shorter lets hosts go on sooner. A transfer that says nothing at all is ended by its silence.
    package var period: Duration

    package init(bytes: Int = 1 << 20, period: Duration = .seconds(30)) {
        self.bytes = bytes
        self.period = period
    }

    /// One transfer's bytes, period by period. A pure value: it is told the time.
    struct Watch: Sendable {
        private let least: LeastRate
        private var since: ContinuousClock.Instant
        private var bytes = 0

        init(_ least: LeastRate, from start: ContinuousClock.Instant) {
            self.least = least
            since = start
        }

        /// Whether the period that ends with these bytes had too few. Call for each piece.
        mutating func isTooSlow(after count: Int, at now: ContinuousClock.Instant) -> Bool {
            bytes += count
            guard now - since >= least.period else { return false }
            defer { (since, bytes) = (now, 0) }
            return bytes < least.bytes
        }
    }
}
