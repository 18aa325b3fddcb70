/// The `NOTIFY` channels of the API cell's database: wake-ups after commit, coalesced, never the truth.
package enum ComputeChannel {
    /// Nova → SuperScheduler: there are new intents (creates to place, actions to deliver).
    package static let intents = "meridian_intents"
    /// Whoever enrols or removes a cell → SuperScheduler: other keys than before are let in.
    package static let enrolments = "meridian_enrolments"
    /// SuperScheduler → Nova: there are new events (for those who watch them).
    package static let events = "meridian_events"
}
