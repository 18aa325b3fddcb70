package import CellProtocol
package import CloudModel

/// A server as a hypervisor has it. Everything but the power state is written beside the guest, so that it outlives the agent:
/// QEMU runs on when the agent or libvirtd is killed, and the next agent adopts what it finds.
package struct Guest: Sendable, Hashable {
    package var server: ServerID
    /// The placement it was made for. Never lowered.
    package var epoch: PlacementEpoch
    /// The last revision of its order that was carried out; 0 for a guest that was defined and never came up.
    package var appliedRevision: Int64
    package var power: PowerState
    /// What it was made from; nil only for a guest whose metadata can't be read any more.
    package var spec: ServerSpec?

    package init(server: ServerID, epoch: PlacementEpoch, appliedRevision: Int64, power: PowerState, spec: ServerSpec?) {
        self.server = server
        self.epoch = epoch
        self.appliedRevision = appliedRevision
        self.power = power
        self.spec = spec
    }

    package var isOn: Bool { power.isOn }
}

extension PowerState {
    /// Whether the virtual machine exists, also while it is paused.
    package var isOn: Bool {
        switch self {
        case .running, .paused, .suspended: true
        case .noState, .shutdown, .crashed: false
        }
    }
}

/// What is needed to define a guest.
package struct GuestPlan: Sendable, Hashable {
    package var server: ServerID
    package var epoch: PlacementEpoch
    package var spec: ServerSpec
    /// The verified image in the host's cache; nil: an empty disk (simulated guests, and servers without an image).
    package var base: BaseImage?

    package struct BaseImage: Sendable, Hashable {
        /// An absolute path. Never written to: other guests' disks lie on it.
        package var path: String
        /// `qcow2` or `raw`; what the image says about itself is not believed.
        package var format: String

        package init(path: String, format: String) {
            self.path = path
            self.format = format
        }
    }

    package init(server: ServerID, epoch: PlacementEpoch, spec: ServerSpec, base: BaseImage? = nil) {
        self.server = server
        self.epoch = epoch
        self.spec = spec
        self.base = base
    }
}

/// What a hypervisor is and has to give.
package struct HypervisorDescription: Sendable, Hashable {
    package var size: ResourceSize
    /// `QEMU`, `simulated`.
    package var type: String
    /// Nova's number: 7002000 for 7.2.0.
    package var version: Int
    /// `kvm`, `qemu` (TCG) or `simulated`.
    package var acceleration: String

    package init(size: ResourceSize, type: String, version: Int, acceleration: String) {
        self.size = size
        self.type = type
        self.version = version
        self.acceleration = acceleration
    }
}

/// Something a hypervisor noticed by itself.
package enum HypervisorEvent: Sendable, Hashable {
    /// A guest changed its power state: it shut itself off, it crashed, or somebody else did something to it.
    case changed(ServerID, PowerState)
    /// The connection was lost and is back: events were missed, list the guests anew.
    case reconnected
}
