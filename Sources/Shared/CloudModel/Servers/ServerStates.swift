/// What exists, seen by the cell that owns it. Nova's `vm_state`.
package enum VMState: String, Codable, Sendable, CaseIterable {
    case building, active, stopped, error, deleted
}

/// What the hypervisor reports, numbered as Nova numbers it (`OS-EXT-STS:power_state`).
package enum PowerState: Int, Codable, Sendable, CaseIterable {
    case noState = 0
    case running = 1
    case paused = 3
    case shutdown = 4
    case crashed = 6
    case suspended = 7
}

/// What an intent asks of a server. The raw values are Nova's names in `os-instance-actions`.
package enum Verb: String, Codable, Sendable, CaseIterable {
    case create, reboot, start, stop, delete

    /// The `task_state` shown from the moment the API accepts the verb until the cell reports its own progress on it.
    package func firstTaskState(hardReboot: Bool = false) -> String {
        switch self {
        case .create: "scheduling"
        case .reboot: hardReboot ? "rebooting_hard" : "rebooting"
        case .start: "powering-on"
        case .stop: "powering-off"
        case .delete: "deleting"
        }
    }

    /// Delete alone overtakes what is in progress, is never late, and never conflicts.
    package var overtakes: Bool { self == .delete }
}

/// Which `vm_state`s a verb may start from (nova.compute.api, `check_instance_state`). Delete starts from any.
extension Verb {
    /// A guest that doesn't run has nothing that a soft reboot could ask to restart.
    package func mayStart(from state: VMState, hardReboot: Bool) -> Bool {
        switch self {
        case .create: state == .building
        case .reboot: state == .active || (hardReboot && (state == .stopped || state == .error))
        case .start: state == .stopped
        case .stop: state == .active || state == .error
        case .delete: true
        }
    }
}

/// Everything the API cell knows of a server's state, with the owner of each part; the state that is shown follows from it.
package struct ServerStanding: Sendable, Hashable {
    /// API-owned: the number and verb of the last accepted action, and whether that was a hard reboot.
    package var lastAction: Int
    package var lastVerb: Verb
    package var lastRebootIsHard: Bool
    /// API-owned: the API cell's own word on a server that no cell answers for (cells v2's cell0), if any.
    package var verdict: Verdict?
    /// Cell-owned, in one revision: through which action it is done, its progress on the next, what exists.
    package var doneThrough: Int
    package var progress: String?
    package var vmState: VMState
    package var powerState: PowerState

    package enum Verdict: String, Codable, Sendable {
        /// No cell could take it, or the one that might have it went silent past the build deadline.
        case error
    }

    package init(
        lastAction: Int, lastVerb: Verb, lastRebootIsHard: Bool = false, verdict: Verdict? = nil, doneThrough: Int = 0,
        progress: String? = nil, vmState: VMState = .building, powerState: PowerState = .noState
    ) {
        self.lastAction = lastAction
        self.lastVerb = lastVerb
        self.lastRebootIsHard = lastRebootIsHard
        self.verdict = verdict
        self.doneThrough = doneThrough
        self.progress = progress
        self.vmState = vmState
        self.powerState = powerState
    }

    /// `OS-EXT-STS:vm_state`.
    package var shownVMState: VMState {
        switch verdict {
        case .error: .error
        case nil: vmState
        }
    }

    /// Whether the cell still owes an answer to the last action.
    package var isBusy: Bool { doneThrough < lastAction && !(verdict == .error && lastVerb == .create) }

    /// `OS-EXT-STS:task_state`: done through the last action → null; the cell reports on it → its progress; else the verb's
    /// first state. So a waiter reads its own writes, and nobody clears another's column.
    package var taskState: String? {
        guard isBusy else { return nil }
        if doneThrough == lastAction - 1, let progress { return progress }
        return lastVerb.firstTaskState(hardReboot: lastRebootIsHard)
    }

    /// Nova's `status` (nova.api.openstack.common, `_STATE_MAP`).
    package var status: String {
        switch (shownVMState, taskState) {
        case (.building, _): "BUILD"
        case (.active, "rebooting"), (.active, "reboot_pending"), (.active, "reboot_started"): "REBOOT"
        case (.active, "rebooting_hard"), (.stopped, "rebooting_hard"), (.error, "rebooting_hard"): "HARD_REBOOT"
        case (.stopped, "rebooting"): "REBOOT"
        case (.active, _): "ACTIVE"
        case (.stopped, _): "SHUTOFF"
        case (.error, _): "ERROR"
        case (.deleted, _): "DELETED"
        }
    }

    /// Whether an action may be accepted now.
    package func accepts(_ verb: Verb, hardReboot: Bool = false) -> Bool {
        verb.overtakes || (!isBusy && verb.mayStart(from: shownVMState, hardReboot: hardReboot))
    }
}
