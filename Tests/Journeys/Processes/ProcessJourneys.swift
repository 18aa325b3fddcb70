import Testing

/// Journeys through real processes, PostgreSQL and ZeroMQ; only the hypervisors are simulated. One after the other: each has a
/// federation of its own, and a machine may have two processors.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ProcessJourneys {}
