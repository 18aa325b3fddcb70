/// One step of a request's timeline: what was done, where, from when to when, and which steps of the classic 29-step boot flow
/// it stands for (docs/life-of-a-server.md).
package struct TraceStep: Codable, Sendable, Hashable {
    /// A short constant name: `place.reserve`, `host.image`.
    package var name: String
    /// The numbers in the classic flow; empty for steps that flow doesn't have.
    package var classic: [Int]
    /// Who did it: `api`, `super-scheduler`, `conductor.tunis`, `compute-1.tunis`.
    package var place: String
    package var started: Timestamp
    package var ended: Timestamp
    /// What is worth knowing: `cache hit`, `skipped: no volumes`, an error's sentence.
    package var note: String?

    package init(_ name: String, classic: [Int] = [], place: String, started: Timestamp, ended: Timestamp, note: String? = nil)
    {
        self.name = name
        self.classic = classic
        self.place = place
        self.started = started
        self.ended = ended
        self.note = note
    }
}
