import CellProtocol
import CloudModel
import Foundation
import HypervisorLibvirt
import Hypervisors
import Testing

@Suite(.serialized, .enabled(if: PrivateLibvirt.isThere, "\(PrivateLibvirt.reason)"))
struct LibvirtHypervisorTests {
    private func libvirt() throws -> PrivateLibvirt {
        guard case .running(let libvirt) = PrivateLibvirt.shared else { throw CloudError(.unavailable, PrivateLibvirt.reason) }
        return libvirt
    }
    private func contract() throws -> HypervisorContract { HypervisorContract(hypervisor: try libvirt().hypervisor()) }

    // MARK: - The contract that the simulated twin keeps too

    @Test func aDefinedGuestIsThereWithPowerOffAndNothingApplied() async throws {
        try await contract().aDefinedGuestIsThereWithPowerOffAndNothingApplied()
    }
    @Test func aGuestStartsStopsAndStartsAgain() async throws { try await contract().aGuestStartsStopsAndStartsAgain() }
    @Test func aRebootedGuestRunsAlsoWhenItWasOff() async throws { try await contract().aRebootedGuestRunsAlsoWhenItWasOff() }
    @Test func whatWasAppliedIsRememberedAndNeverLowered() async throws {
        try await contract().whatWasAppliedIsRememberedAndNeverLowered()
    }
    @Test func aServerIsNotDefinedTwice() async throws { try await contract().aServerIsNotDefinedTwice() }
    @Test func anOlderPlacementDestroysNothing() async throws { try await contract().anOlderPlacementDestroysNothing() }
    @Test func aMissingGuestIsNotFound() async throws { try await contract().aMissingGuestIsNotFound() }

    // MARK: - What only a real one does

    /// Without the image guests say nothing, having no disk to boot.
    private static let tiny = TinyImage.path.map { GuestPlan.BaseImage(path: $0, format: "qcow2") }

    private func booted(_ hypervisor: LibvirtHypervisor) async throws -> GuestPlan {
        var plan = HypervisorContract.plan()
        plan.base = Self.tiny
        _ = try await hypervisor.define(plan)
        try await hypervisor.start(plan.server)
        try await hypervisor.setApplied(plan.server, revision: 1, epoch: plan.epoch)
        return plan
    }

    @Test(.enabled(if: tiny != nil, "the image tiny has not been built (make image, or MERIDIAN_TINY_IMAGE)"))
    func aGuestBootsToUserspaceAndPowersOffWhenAsked() async throws {
        let hypervisor = try libvirt().hypervisor()
        let plan = try await booted(hypervisor)
        let ready = try await eventually(within: .seconds(120)) {
            try await hypervisor.consoleOutput(plan.server, lines: nil).contains("GUEST-READY")
        }
        #expect(ready)
        #expect(try await hypervisor.consoleOutput(plan.server, lines: 1).contains("GUEST-READY"))
        let started = ContinuousClock.now
        try await hypervisor.stop(plan.server, patience: .seconds(60))
        #expect(ContinuousClock.now - started < .seconds(59))
        #expect(try await hypervisor.guests().first { $0.server == plan.server }?.power == .shutdown)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
        #expect(!FileManager.default.fileExists(atPath: try libvirt().folder + "/instances/\(plan.server)"))
    }

    @Test func guestsOutliveTheDaemonAndTheConnectionComesBack() async throws {
        let libvirt = try libvirt()
        let hypervisor = try libvirt.hypervisor()
        let plan = try await booted(hypervisor)
        let process = try libvirt.process(of: "instance-\(plan.server.rawValue.hex.prefix(8))")
        try libvirt.crash()
        #expect(kill(process, 0) == 0)
        try libvirt.launch()
        let isBack = try await eventually(within: .seconds(30)) {
            (try? await hypervisor.guests())?.contains {
                $0.server == plan.server && $0.power == .running && $0.appliedRevision == 1
            } ?? false
        }
        #expect(isBack)
        // Another agent finds it as well, with all that it was made from.
        let found = try await libvirt.hypervisor().guests().first { $0.server == plan.server }
        #expect(found == Guest(server: plan.server, epoch: plan.epoch, appliedRevision: 1, power: .running, spec: plan.spec))
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
        #expect(kill(process, 0) != 0)
    }

    @Test func whileTheDaemonIsAwayCallsAreUnavailable() async throws {
        let libvirt = try libvirt()
        let hypervisor = try libvirt.hypervisor()
        _ = try await hypervisor.guests()
        try libvirt.crash()
        do {
            _ = try await hypervisor.guests()
            Issue.record("nothing was thrown")
        } catch let error as CloudError {
            #expect(error.code == .unavailable)
        }
        try libvirt.launch()
        #expect(try await eventually(within: .seconds(30)) { (try? await hypervisor.guests()) != nil })
    }

    @Test func aGuestThatIsKilledIsReportedCrashed() async throws {
        let libvirt = try libvirt()
        let hypervisor = try libvirt.hypervisor()
        let plan = try await booted(hypervisor)
        let events = hypervisor.events
        let heard = Task {
            for await event in events where event == .changed(plan.server, .crashed) { return true }
            return false
        }
        let deadline = Task {
            try await Task.sleep(for: .seconds(60))
            heard.cancel()
        }
        defer { deadline.cancel() }
        kill(try libvirt.process(of: "instance-\(plan.server.rawValue.hex.prefix(8))"), SIGKILL)
        let isCrashed = try await eventually(within: .seconds(20)) {
            try await hypervisor.guests().first { $0.server == plan.server }?.power == .crashed
        }
        #expect(isCrashed)
        #expect(await heard.value)
        try await hypervisor.start(plan.server)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    @Test func theHostTellsWhatItHas() async throws {
        let description = try await libvirt().hypervisor().describe()
        #expect(description.type == "QEMU")
        #expect(description.version >= 5_000_000)
        #expect(description.acceleration == "qemu")
        #expect(description.size.vcpus > 0 && description.size.ram > 0)
    }

    @Test func aFlavorSmallerThanItsImageIsRefusedAndLeavesNothing() async throws {
        let libvirt = try libvirt()
        let path = libvirt.folder + "/large.raw"
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        truncate(path, 2 << 30)
        var plan = HypervisorContract.plan()
        plan.base = .init(path: path, format: "raw")
        await #expect(throws: CloudError.self) { _ = try await libvirt.hypervisor().define(plan) }
        #expect(!FileManager.default.fileExists(atPath: libvirt.folder + "/instances/\(plan.server)"))
    }

    private func eventually(within limit: Duration, _ isSo: () async throws -> Bool) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if try await isSo() { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }
}
