package import CellProtocol
package import CloudModel

/// A hypervisor whose guests are rows of a table: the documented twin of `LibvirtHypervisor`. Thousands of them live in one process.
///
/// With a journal its guests outlive the process, and it is the witness against the agent: what it should never have been asked
/// to do is refused *and* written down.
package actor SimulatedHypervisor: Hypervisor {
    package nonisolated var events: AsyncStream<HypervisorEvent> { report.stream() }
    private let report = HypervisorEvents()

    private var script: SimulationScript
    private var random: SeededRandom
    private let journal: SimulationJournal
    private var contents: SimulationJournal.Contents
    private var held: [SimulationScript.Step: [CheckedContinuation<Void, Never>]] = [:]
    private let keepsHistory: Bool
    private var nextFailures: [SimulationScript.Step: [CloudError]] = [:]

    /// - Parameters:
    ///   - journal: the file its guests are kept in; nil: in memory only.
    ///   - keepsHistory: what happened is kept in memory, for tests that ask when a guest ran.
    package init(
        _ script: SimulationScript = SimulationScript(), journal path: String? = nil, keepsHistory: Bool = false
    ) throws {
        self.script = script
        self.keepsHistory = keepsHistory
        random = SeededRandom(seed: script.seed)
        if let path {
            (journal, contents) = try SimulationJournal.open(path)
        } else {
            journal = SimulationJournal()
            contents = .init()
        }
    }

    // MARK: - The verbs of every hypervisor

    package func describe() -> HypervisorDescription { script.description }

    package func guests() -> [Guest] { Array(contents.guests.values) }

    package func guest(_ server: ServerID) -> Guest? { contents.guests[server] }

    package func define(_ plan: GuestPlan) async throws -> Guest {
        try await perform(.define)
        let now = Timestamp.now()
        if let guest = contents.guests[plan.server] {
            try violate(plan, now, "spawned twice: it is here for epoch \(guest.epoch), asked for epoch \(plan.epoch)")
        }
        if let highest = contents.highestEpoch[plan.server], plan.epoch < highest {
            try violate(plan, now, "spawned for epoch \(plan.epoch) after epoch \(highest)")
        }
        if let epoch = contents.destroyed[plan.server], plan.epoch <= epoch {
            try violate(plan, now, "spawned again for epoch \(plan.epoch), which ran here and was destroyed")
        }
        try note(.init(.defined, plan.server, at: now, epoch: plan.epoch, spec: plan.spec))
        return try present(plan.server)
    }

    package func start(_ server: ServerID) async throws {
        if try present(server).power == .running { return }
        try await perform(.start)
        _ = try present(server)
        try setPower(.running, of: server)
    }

    package func stop(_ server: ServerID, patience: Duration) async throws {
        guard try present(server).isOn else { return }
        try await perform(.stop)
        _ = try present(server)
        try setPower(.shutdown, of: server)
    }

    package func reboot(_ server: ServerID, _ kind: WorkOrder.Reboot, patience: Duration) async throws {
        _ = try present(server)
        try await perform(.reboot)
        _ = try present(server)
        try setPower(.running, of: server)
    }

    package func destroy(_ server: ServerID, epoch: PlacementEpoch) async throws {
        guard contents.guests[server] != nil else { return }
        try await perform(.destroy)
        guard let guest = contents.guests[server] else { return }
        guard guest.epoch <= epoch else {
            throw CloudError(
                .conflict, "The guest belongs to a later placement.", detail: "epoch \(guest.epoch), asked for \(epoch)")
        }
        try note(.init(.destroyed, server, at: .now(), epoch: epoch))
    }

    package func setApplied(_ server: ServerID, revision: Int64, epoch: PlacementEpoch) throws {
        let guest = try present(server)
        guard epoch > guest.epoch || (epoch == guest.epoch && revision >= guest.appliedRevision) else {
            throw CloudError(
                .conflict, "The guest has applied a later order.",
                detail: "epoch \(guest.epoch) revision \(guest.appliedRevision), asked for \(epoch) and \(revision)")
        }
        try note(.init(.applied, server, at: .now(), epoch: epoch, revision: revision))
    }

    package func consoleOutput(_ server: ServerID, lines: Int?) throws -> String {
        let guest = try present(server)
        let text = "simulated console of \(server)\npower \(guest.power)\nGUEST-READY\n"
        return consoleTail(of: Array(text.utf8), lines: lines)
    }

    // MARK: - What happens to guests by themselves, and what tests do to them

    /// The guest shuts itself off, or crashes.
    package func happen(_ power: PowerState, to server: ServerID) throws {
        _ = try present(server)
        try setPower(power, of: server)
        report.yield(.changed(server, power))
    }

    /// Somebody removes the guest behind the agent's back.
    package func lose(_ server: ServerID) throws { try note(.init(.destroyed, server, at: .now())) }

    /// Calls of this step wait until `release`.
    package func hold(_ step: SimulationScript.Step) { if held[step] == nil { held[step] = [] } }

    package func release(_ step: SimulationScript.Step) {
        for waiting in held.removeValue(forKey: step) ?? [] { waiting.resume() }
    }

    /// How many calls are held at a step.
    package func waiting(at step: SimulationScript.Step) -> Int { held[step]?.count ?? 0 }

    /// The next call of this step fails so.
    package func failNext(_ step: SimulationScript.Step, _ error: CloudError) { nextFailures[step, default: []].append(error) }

    /// No call fails any more because it was told to.
    package func forgetFailures() { nextFailures = [:] }

    /// Everything that has happened, oldest first; only where history is kept.
    package var history: [SimulationJournal.Entry] { contents.history }

    package var violations: [SimulationJournal.Entry] { contents.violations }

    // MARK: -

    private func perform(_ step: SimulationScript.Step) async throws {
        if held[step] != nil { await withCheckedContinuation { held[step]?.append($0) } }
        if let time = script.times[step], time > .zero { try await Task.sleep(for: time) }
        if var failures = nextFailures[step], !failures.isEmpty {
            let failure = failures.removeFirst()
            nextFailures[step] = failures
            throw failure
        }
        if let rate = script.failureRates[step], Double.random(in: 0..<1, using: &random) < rate {
            throw CloudError(.internalError, "The simulated hypervisor failed, as its script says.", detail: step.rawValue)
        }
    }

    private func present(_ server: ServerID) throws -> Guest {
        guard let guest = contents.guests[server] else {
            throw CloudError(.notFound, "The server has no guest on this host.", detail: "\(server)")
        }
        return guest
    }

    private func setPower(_ power: PowerState, of server: ServerID) throws {
        try note(.init(.power, server, at: .now(), epoch: contents.guests[server]?.epoch, power: power))
    }

    private func violate(_ plan: GuestPlan, _ now: Timestamp, _ what: String) throws -> Never {
        try note(.init(.violation, plan.server, at: now, epoch: plan.epoch, note: what))
        throw CloudError(.conflict, "The server can't be defined here.", detail: what)
    }

    private func note(_ entry: SimulationJournal.Entry) throws {
        try journal.append(entry)
        contents.apply(entry)
        if keepsHistory { contents.history.append(entry) }
    }
}
