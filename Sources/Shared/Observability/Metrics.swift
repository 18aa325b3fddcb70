import CloudModel
import Synchronization

/// A number that only grows. Counting is one atomic addition.
package final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    init() {}

    package func increment(by amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
    package var value: Int { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
package final class Gauge: Sendable {
    private let bits = Atomic<UInt64>(0)

    init() {}

    package func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    package func set(_ value: Int) { set(Double(value)) }
    package var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    /// Adds, which may be negative, without losing a concurrent addition.
    package func add(_ amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = original
        }
    }
}

/// How often something took how long. Buckets from 100 µs to 60 s: shorter times are noise here, longer ones are failures.
package final class Histogram: Sendable {
    /// Upper bounds in seconds.
    static let bounds: [Double] = [
        0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]

    struct Snapshot: Sendable {
        var buckets: [Int]
        var count: Int
        var sum: Double
    }

    private let state = Lock(Snapshot(buckets: Array(repeating: 0, count: bounds.count), count: 0, sum: 0))

    init() {}

    package func observe(_ seconds: Double) {
        let bucket = Self.bounds.firstIndex { seconds <= $0 }
        state.withLock { state in
            state.count += 1
            state.sum += seconds
            if let bucket { state.buckets[bucket] += 1 }
        }
    }

    package func observe(_ duration: Duration) {
        let parts = duration.components
        observe(Double(parts.seconds) + Double(parts.attoseconds) / 1e18)
    }

    func snapshot() -> Snapshot { state.withLock { $0 } }
}
