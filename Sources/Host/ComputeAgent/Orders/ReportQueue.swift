package import CellProtocol
package import CloudModel

/// What the conductor hasn't acknowledged yet: the newest observation of each server and the steps since the last one that it has.
/// Pure; the agent sends what `takeBatch` returns, one batch at a time, until it is acknowledged.
package struct ReportQueue: Sendable {
    /// Observations in one message. At a few KB each they stay well below the control lane's 1 MiB, and go in pieces where they don't:
    /// more would be cut more often, fewer would make a storm more messages.
    static let largestBatch = 100
    /// Steps kept of one server. A build takes a dozen; more come only from many retries that nobody acknowledged.
    static let stepsKept = 64
    /// Servers that are gone and of whom the last word is remembered, so that it isn't said twice.
    static let absencesKept = 10_000

    private var current: [ServerID: Observation] = [:]
    private var steps: [ServerID: [TraceStep]] = [:]
    /// What the conductor has, without steps.
    private var acknowledged: [ServerID: Observation] = [:]
    private var absences = 0
    private var urgent: Set<ServerID> = []
    private var patient: Set<ServerID> = []
    private var inFlight: [ServerID: Int] = [:]

    package init() {}

    /// How soon a change should be sent.
    package enum Haste: Sendable {
        /// A result: a few milliseconds, to share a message with its neighbours.
        case soon
        /// Progress, which the result may overtake: a quick boot is told in one message.
        case later
    }

    /// What is seen of a server now. Says nothing new → nothing is sent.
    package mutating func put(_ observation: Observation, _ haste: Haste) {
        var observation = observation
        observation.steps = []
        observation.failure = observation.failure?.storable(atMost: Observation.longestText)
        let server = observation.server
        current[server] = observation
        if acknowledged[server] == observation, inFlight[server] == nil {
            // Back to what the conductor has; steps alone can wait for the next word.
            urgent.remove(server)
            patient.remove(server)
            return
        }
        switch haste {
        case .soon:
            urgent.insert(server)
            patient.remove(server)
        case .later:
            if !urgent.contains(server) { patient.insert(server) }
        }
    }

    /// The conductor is a new one, or was out of reach: its database may have been restored and lack what it acknowledged once.
    package mutating func forgetAcknowledged() {
        acknowledged = [:]
        absences = 0
    }

    /// What the conductor acknowledged of this server may have been about nothing that it knew.
    package mutating func forgetAcknowledged(_ server: ServerID) { acknowledged[server] = nil }

    package mutating func add(_ step: TraceStep, to server: ServerID) {
        guard steps[server, default: []].count < Self.stepsKept else { return }
        var step = step
        step.note = step.note?.storable(atMost: Observation.longestText)
        steps[server, default: []].append(step)
    }

    /// What could wait has waited.
    package mutating func hurry() {
        urgent.formUnion(patient)
        patient = []
    }

    package var hasUrgent: Bool { !urgent.isEmpty }
    package var hasPatient: Bool { !patient.isEmpty }

    /// The next message, or nil when there is nothing urgent. Ends with `settle`.
    package mutating func takeBatch() -> [Observation]? {
        precondition(inFlight.isEmpty, "One batch at a time: the last one has not been settled.")
        guard !urgent.isEmpty else { return nil }
        var batch: [Observation] = []
        for server in urgent.prefix(Self.largestBatch) {
            guard var observation = current[server] else { continue }
            observation.steps = steps[server] ?? []
            inFlight[server] = observation.steps.count
            batch.append(observation)
        }
        for observation in batch { urgent.remove(observation.server) }
        return batch.isEmpty ? nil : batch
    }

    /// The conductor has the batch in its database, or it didn't answer and it will be sent again, newer if it changed meanwhile.
    package mutating func settle(_ batch: [Observation], acknowledged isAcknowledged: Bool) {
        for var observation in batch {
            let server = observation.server
            let stepsSent = inFlight.removeValue(forKey: server) ?? 0
            observation.steps = []
            guard isAcknowledged else {
                urgent.insert(server)
                continue
            }
            if observation.presence == .absent { absences += 1 }
            acknowledged[server] = observation
            steps[server]?.removeFirst(stepsSent)
            if steps[server]?.isEmpty == true { steps[server] = nil }
            if current[server] == observation {
                current[server] = nil
                urgent.remove(server)
                patient.remove(server)
            }
        }
        guard absences > Self.absencesKept else { return }
        acknowledged = acknowledged.filter { $0.value.presence != .absent }
        absences = 0
    }
}
