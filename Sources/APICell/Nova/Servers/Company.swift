/// Whether a create should wait a moment for others to share its commit. Under load that halves what each costs; one client that creates
/// a server after the other would only wait in vain, so after a wait that brought nobody the next few go at once. No clock, no I/O.
struct Company {
    /// How many creates go at once after one has waited in vain. More notices later that there is company again; fewer wait in vain more
    /// often.
    private static let patience = 8

    /// From the start of a commit to the start of the next at least. Longer delays each answer (by half of it); shorter makes creates that
    /// come one by one cost a commit and a count of the project's servers each.
    let spacing: Duration
    private var earliest: ContinuousClock.Instant?
    private var isWaiting = false
    private var skips = 0

    init(spacing: Duration) { self.spacing = spacing }

    /// Until when the create that would be stored now should wait; nil: it should not.
    mutating func wait(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let earliest, earliest > now else { return nil }
        guard skips == 0 else {
            skips -= 1
            return nil
        }
        isWaiting = true
        return earliest
    }

    /// It is stored now, with so many others.
    mutating func begins(with others: Int, at now: ContinuousClock.Instant) {
        if isWaiting, others == 0 { skips = Self.patience }
        if others > 0 { skips = 0 }
        isWaiting = false
        earliest = now + spacing
    }
}
