import Foundation
import Logging
import Testing

@testable import HypervisorLibvirt

@Suite struct TrialBootTests {
    @Test(.enabled(if: access("/usr/bin/qemu-system-x86_64", X_OK) == 0, "QEMU is not installed"))
    func theTrialGuestBootsUnderEmulation() {
        let trial = TrialBoot(emulator: "/usr/bin/qemu-system-x86_64", log: Logger(label: "test"))
        #expect(trial.boots(accelerator: "tcg"))
        #expect(!trial.boots(accelerator: "nothing"))
    }
}
