import CellProtocol
import CloudModel
import Hypervisors

/// Starts, stops, reboots or destroys a guest that is there, then writes down the revision that asked for it.
///
/// Killed between the two, the next agent does it again: harmless for start, stop and destroy, one reboot too many at worst.
struct ChangeServer {
    /// How long a guest may take to shut itself down before its power is cut: Nova's `shutdown_timeout`.
    static let patience = Duration.seconds(60)

    let hypervisor: any Hypervisor
    let logbook: any Logbook
    let place: String

    /// Returns the guest as it is then; nil after it was destroyed.
    func callAsFunction(_ verb: Reconciler.Verb, _ order: WorkOrder, _ guest: Guest?) async throws -> Guest? {
        let server = order.server
        let started = Timestamp.now()
        var guest = guest
        switch verb {
        case .build: preconditionFailure("A build is SpawnServer's.")
        case .record: break
        case .start:
            await logbook.progress("powering-on", of: server)
            try await hypervisor.start(server)
            guest?.power = .running
        case .stop:
            await logbook.progress("powering-off", of: server)
            try await hypervisor.stop(server, patience: Self.patience)
            guest?.power = .shutdown
        case .softReboot, .hardReboot:
            let kind: WorkOrder.Reboot = verb == .softReboot ? .soft : .hard
            await logbook.progress(kind == .soft ? "reboot_started" : "reboot_started_hard", of: server)
            try await hypervisor.reboot(server, kind, patience: Self.patience)
            guest?.power = .running
        case .destroy:
            await logbook.progress("deleting", of: server)
            try await hypervisor.destroy(server, epoch: order.epoch)
            guest = nil
        }
        if verb != .destroy {
            try await hypervisor.setApplied(server, revision: order.revision, epoch: order.epoch)
            guest?.appliedRevision = order.revision
            guest?.epoch = order.epoch
        }
        let step = TraceStep("host.\(verb.step)", place: place, started: started, ended: .now())
        await logbook.step(step, of: server)
        return guest
    }
}

extension Reconciler.Verb {
    /// What the step is called in a trace.
    fileprivate var step: String {
        switch self {
        case .build: "start"
        case .softReboot, .hardReboot: "reboot"
        case .start, .stop, .destroy, .record: rawValue
        }
    }
}
