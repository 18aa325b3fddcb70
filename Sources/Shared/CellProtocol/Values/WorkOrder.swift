package import CloudModel

/// What a host should run, for one server: the desired state with its revision. Only an order that names a server and carries an
/// epoch not older than the guest's own may change or destroy it; the absence of an order is never one.
package struct WorkOrder: Codable, Sendable, Hashable {
    package enum Desired: String, Codable, Sendable { case running, stopped, destroyed }
    package enum Reboot: String, Codable, Sendable { case soft, hard }

    package var server: ServerID
    package var epoch: PlacementEpoch
    /// Grows with every change of the order. The guest's metadata holds the last one applied; lower ones are refused.
    package var revision: Int64
    package var desired: Desired
    /// Set while this revision asks for a reboot rather than for a state.
    package var reboot: Reboot?
    /// The last revision that rebooted it by request: lets a host that applied it already see that it has.
    package var spec: ServerSpec
    /// The action this revision serves and its request, for traces and logs.
    package var action: Int
    package var request: RequestID?
    /// A build ends in an error when it hasn't come up by then.
    package var deadline: Timestamp?
    /// A start, stop or reboot is not begun after this: whoever asked was told that it failed.
    package var startBefore: Timestamp?
    /// True: the order that this revision replaces was given up. The guest stays as it is.
    package var isVoid: Bool?

    package init(
        server: ServerID, epoch: PlacementEpoch, revision: Int64, desired: Desired, reboot: Reboot? = nil, spec: ServerSpec,
        action: Int, request: RequestID?, deadline: Timestamp?, startBefore: Timestamp? = nil, isVoid: Bool? = nil
    ) {
        self.server = server
        self.epoch = epoch
        self.revision = revision
        self.desired = desired
        self.reboot = reboot
        self.spec = spec
        self.action = action
        self.request = request
        self.deadline = deadline
        self.startBefore = startBefore
        self.isVoid = isVoid
    }
}

/// What a host sees of one server.
package struct Observation: Codable, Sendable, Hashable {
    package enum Presence: String, Codable, Sendable {
        /// Being made: the image is on its way, or the domain is being defined.
        case building
        case present
        /// It is not on this host, or no longer.
        case absent
    }
    package var server: ServerID
    package var epoch: PlacementEpoch
    /// The last revision of the order that the host has carried out; 0 if none.
    package var appliedRevision: Int64
    package var presence: Presence
    package var power: PowerState
    /// Why the order of `failedRevision` can't be carried out, as a sentence for the user; nil when nothing failed.
    package var failure: String?
    package var failedRevision: Int64?
    /// Nova's word for what a build is doing: `scheduling`, `networking`, `block_device_mapping`, `spawning`.
    package var progress: String?
    /// The steps taken since the last report that was acknowledged.
    package var steps: [TraceStep]

    package init(
        server: ServerID, epoch: PlacementEpoch, appliedRevision: Int64, presence: Presence, power: PowerState,
        failure: String? = nil, failedRevision: Int64? = nil, progress: String? = nil, steps: [TraceStep] = []
    ) {
        self.server = server
        self.epoch = epoch
        self.appliedRevision = appliedRevision
        self.presence = presence
        self.power = power
        self.failure = failure
        self.failedRevision = failedRevision
        self.progress = progress
        self.steps = steps
    }
}

/// What a host is and has.
package struct HostInventory: Codable, Sendable, Hashable {
    package var size: ResourceSize
    /// `QEMU`, `fake`, … as `os-hypervisors` shows it, its version as Nova's number (7002000 for 7.2.0).
    package var hypervisorType: String
    package var hypervisorVersion: Int
    /// `kvm`, `qemu` (TCG) or `simulated`.
    package var acceleration: String
    package var traits: [String]
    /// SHA-512 of the base images in its cache.
    package var cachedImages: [String]
    package var zone: ZoneName
    /// The address of its health port and, later, of its tunnels.
    package var address: String

    package init(
        size: ResourceSize, hypervisorType: String, hypervisorVersion: Int, acceleration: String, traits: [String],
        cachedImages: [String], zone: ZoneName, address: String
    ) {
        self.size = size
        self.hypervisorType = hypervisorType
        self.hypervisorVersion = hypervisorVersion
        self.acceleration = acceleration
        self.traits = traits
        self.cachedImages = cachedImages
        self.zone = zone
        self.address = address
    }
}
