package import CellProtocol
package import CloudModel

/// A server as its cell keeps it: one value, one row, changed only under the row's lock and only by the pure rules of
/// `ServerLifecycle`. Whoever holds the row can carry on where a dead conductor stopped; nothing of a task lives in a process.
package struct ServerRecord: Codable, Sendable, Hashable {
    package let id: ServerID
    package var epoch: PlacementEpoch
    package var spec: ServerSpec

    // What exists, and what the API cell is told of it.
    package var vmState: VMState = .building
    package var powerState: PowerState = .noState
    package var progress: String?
    package var doneThrough = 0
    package var fault: ServerReport.Fault?
    package var launchedAt: Timestamp?
    package var terminatedAt: Timestamp?
    package var updatedAt: Timestamp
    /// Grows with every change of the record; the API cell keeps the highest it has seen.
    package var revision: Int64 = 0
    /// Why the cell gave it back. The record then is the tombstone of (server, epoch).
    package var refused: String?

    // Where it is, and what its host is told to do.
    package var host: HostName?
    package var zone: ZoneName?
    package var holdsClaim = false
    package var desired: WorkOrder.Desired = .running
    package var orderRevision: Int64 = 0
    package var reboot: WorkOrder.Reboot?
    /// The last order was given up: the host is to leave the guest as it is. Nil in records of older releases.
    package var isOrderVoid: Bool?
    package var build = Build.notStarted

    // What its host last saw.
    package var appliedRevision: Int64 = 0
    package var presence: Observation.Presence = .absent

    /// Hosts that failed to build it, in order.
    package var failedHosts: [HostName] = []
    package var actions: [ActionRecord] = []

    /// How far a build has come. The steps of the build and, beside them, their undoing:
    ///
    /// | step | undone by |
    /// |---|---|
    /// | a claim on a host | releasing it, once the guest is surely absent |
    /// | the order to run it there (`spawning`) | the order to destroy it (`undoing`), until its host says that it is absent |
    /// | the host reports it running | (nothing after this can fail) |
    package enum Build: Codable, Sendable, Hashable {
        case notStarted
        case spawning
        case undoing(reason: String)
        /// The last host has nothing of it any more; another one is being looked for.
        case seekingHost(reason: String)
        /// After a restore of the database: no host that has spoken has it, and one that is silent may. Until that one has spoken it is
        /// neither built nor given back, or it might run twice.
        case sought
        case finished
    }

    package init(id: ServerID, epoch: PlacementEpoch, spec: ServerSpec, at now: Timestamp) {
        self.id = id
        self.epoch = epoch
        self.spec = spec
        updatedAt = now
    }

    /// Nothing of it is left here, and nothing ever comes back for this epoch.
    package var isSettled: Bool { vmState == .deleted || refused != nil }

    /// Whether its host has to know of it: until the host has confirmed that it is gone.
    package var isOrdered: Bool {
        guard host != nil, orderRevision > 0, !isWaitingForCreate else { return false }
        return !(desired == .destroyed && isGoneFromHost)
    }

    /// Found on a host after a restore of the database, which has forgotten the create: without its deadline nothing may be built. What the
    /// host has begun it goes on with.
    private var isWaitingForCreate: Bool { build == .spawning && actions.isEmpty }

    /// A guest on this host is the record's own, not a stranger.
    package func isExpected(on host: HostName) -> Bool { self.host == host && (isOrdered || isWaitingForCreate) }

    /// The host has carried out the latest order and has nothing of it.
    package var isGoneFromHost: Bool { presence == .absent && appliedRevision >= orderRevision }

    /// Another host is to be found for its build. After a restore it waits for its create to come again.
    package var isSeekingHost: Bool {
        guard case .seekingHost = build, !isSettled else { return false }
        return actions.contains { $0.verb == .create && !$0.isFinished }
    }

    /// Nova's `OS-EXT-SRV-ATTR:instance_name`, and the name of the domain.
    package var instanceName: String { "instance-" + id.rawValue.hex.prefix(8) }

    /// The next moment at which time alone changes something.
    package var due: Timestamp? {
        if isSettled { return nil }
        return actions.filter { !$0.isFinished }.compactMap(\.deadline).min()
    }

    /// The order for its host.
    package var order: WorkOrder? {
        guard isOrdered else { return nil }
        let current = actions.first { !$0.isFinished } ?? actions.last
        return WorkOrder(
            server: id, epoch: epoch, revision: orderRevision, desired: desired, reboot: reboot, spec: spec,
            action: current?.number ?? doneThrough, request: current?.request,
            deadline: build == .spawning ? current?.deadline : nil,
            startBefore: build == .finished && desired != .destroyed
                ? current.flatMap { $0.isFinished ? nil : $0.deadline } : nil,
            isVoid: isOrderVoid == true ? true : nil)
    }

    /// What the API cell is told.
    package var report: ServerReport {
        ServerReport(
            server: id, epoch: epoch, revision: revision, doneThrough: doneThrough, progress: progress, vmState: vmState,
            powerState: powerState, host: host, zone: zone, instanceName: instanceName, launchedAt: launchedAt,
            terminatedAt: terminatedAt, updatedAt: updatedAt, fault: fault, refused: refused)
    }
}

/// One action on a server, as the cell carries it out: an intent that was stored.
package struct ActionRecord: Codable, Sendable, Hashable {
    /// More steps than any action takes; what comes after is dropped, so that a host that loops can't fill the database.
    static let stepsKept = 60

    package let intent: IntentID
    package let number: Int
    package let verb: Verb
    package let hard: Bool
    package let request: RequestID?
    package let deadline: Timestamp?
    package var state: ActionReport.State = .stored
    package var message: String?
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    package var steps: [TraceStep] = []

    package init(
        intent: IntentID, number: Int, verb: Verb, hard: Bool = false, request: RequestID? = nil, deadline: Timestamp? = nil
    ) {
        self.intent = intent
        self.number = number
        self.verb = verb
        self.hard = hard
        self.request = request
        self.deadline = deadline
    }

    package var isFinished: Bool {
        switch state {
        case .stored, .running: false
        case .done, .failed, .expired, .interrupted: true
        }
    }

    package func report(of server: ServerRecord) -> ActionReport {
        ActionReport(
            intent: intent, server: server.id, epoch: server.epoch, number: number, state: state, message: message,
            startedAt: startedAt, finishedAt: finishedAt, steps: steps)
    }
}
