/// The `NOTIFY` channels of the API cell's database: wake-ups after commit, coalesced, never the truth.
package enum ComputeChannel {
    /// Nova → SuperScheduler: there are new intents (creates to place, actions to deliver).
    package static let intents = "meridian_intents"
    /// Whoever enrols or removes a cell → SuperScheduler: other keys than before are let in.
    package static let enrolments = "meridian_enrolments"
    /// SuperScheduler → Nova: cells have told of new events, or have fallen silent or returned. Of what the API cell does to a server without
    /// its cell (deletes it before it was placed, gives it up) nobody tells: those who watch also look every second.
    package static let events = "meridian_events"
}
