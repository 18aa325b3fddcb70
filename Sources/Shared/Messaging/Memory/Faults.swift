/// What a `MemoryNetwork` does to messages on their way. Every kind of message suffers alike, heartbeats too.
package struct Faults: Sendable {
    /// Probability that a message is lost.
    package var loss = 0.0
    /// Probability that a message comes twice, the second time later.
    package var duplication = 0.0
    /// Probability that a message may be overtaken by later ones of its link.
    package var reordering = 0.0
    /// Time on the way, uniform in this range.
    package var delay: ClosedRange<Duration> = .zero ... .zero
    /// How much later than `delay` an overtaken or second message may come.
    package var lateness = Duration.milliseconds(50)

    package init() {}

    package static let none = Faults()

    /// All kinds at once, as bad as a rehearsal should be.
    package static func bad(loss: Double = 0.05, duplication: Double = 0.05, reordering: Double = 0.1) -> Faults {
        var faults = Faults()
        faults.loss = loss
        faults.duplication = duplication
        faults.reordering = reordering
        faults.delay = .zero ... .milliseconds(5)
        return faults
    }
}
