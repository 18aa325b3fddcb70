import CloudModel

/// One direction and lane between two peers of a memory network: decides from its seed what becomes of each message.
struct FaultyPath {
    private var random: SeededRandom
    /// When the last message that keeps its order arrives.
    private var lastArrival = BootInstant(nanoseconds: 0)

    init(seed: UInt64, name: String) {
        random = SeededRandom(seed: seed, for: name)
    }

    /// When the next message arrives: not at all, once or twice. Always draws the same number of times, so that one message's fate
    /// doesn't change the next one's.
    mutating func arrivals(ofOneSentAt now: BootInstant, _ faults: Faults) -> [BootInstant] {
        let isLost = random.happens(faults.loss)
        let isDoubled = random.happens(faults.duplication)
        let isOvertaken = random.happens(faults.reordering)
        let delay = random.duration(in: faults.delay)
        let lateness = random.duration(in: .zero...max(.zero, faults.lateness))
        guard !isLost else { return [] }

        var arrival = now + delay
        if isOvertaken {
            arrival = arrival + lateness
        } else {
            // Strictly later: the heap of deliveries doesn't keep the order of equals.
            arrival = max(arrival, lastArrival + .nanoseconds(1))
            lastArrival = arrival
        }
        return isDoubled ? [arrival, arrival + lateness] : [arrival]
    }
}
