internal import CloudModel

/// What this process is busy with, so that the periodic look at the rows doesn't start it a second time. Forgotten with the process; the
/// rows aren't.
actor InFlight<Key: Hashable & Sendable> {
    private var until: [Key: ContinuousClock.Instant] = [:]

    /// Everything that is not to be started again yet.
    var current: Set<Key> {
        let now = ContinuousClock.now
        until = until.filter { $0.value > now }
        return Set(until.keys)
    }

    /// Takes it, for so long at most; false if it is taken.
    func take(_ key: Key, for time: Duration) -> Bool {
        if let end = until[key], end > .now { return false }
        until[key] = .now + time
        return true
    }

    /// Keeps it from being started for so long, whoever has it.
    func hold(_ key: Key, for time: Duration) { until[key] = .now + time }

    func release(_ key: Key, after time: Duration = .zero) { until[key] = time == .zero ? nil : .now + time }
}
