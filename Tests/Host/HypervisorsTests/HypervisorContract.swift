import CellProtocol
import CloudModel
import Foundation
import Hypervisors
import Testing

/// What every hypervisor promises, as tests. Run against the simulated one here and against libvirt in HypervisorLibvirtTests
/// (which has this file as a link: one contract, two twins).
struct HypervisorContract {
    let hypervisor: any Hypervisor

    static func plan(_ server: ServerID = .random(), epoch: Int64 = 7) -> GuestPlan {
        GuestPlan(server: server, epoch: PlacementEpoch(epoch), spec: spec(), base: nil)
    }

    static func spec(named name: String = "a <server> & \"its\" 'name'") -> ServerSpec {
        ServerSpec(
            name: name, hostname: "a-server", project: "p", user: "u",
            flavor: Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: 96, disk: 1), image: nil, metadata: ["k": "v ]]> w"])
    }

    func aDefinedGuestIsThereWithPowerOffAndNothingApplied() async throws {
        let plan = Self.plan()
        let guest = try await hypervisor.define(plan)
        #expect(guest == Guest(server: plan.server, epoch: plan.epoch, appliedRevision: 0, power: .shutdown, spec: plan.spec))
        #expect(try await find(plan.server) == guest)
        #expect(try await hypervisor.guest(plan.server) == guest)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    func aGuestStartsStopsAndStartsAgain() async throws {
        let plan = Self.plan()
        _ = try await hypervisor.define(plan)
        try await hypervisor.start(plan.server)
        #expect(try await find(plan.server)?.power == .running)
        try await hypervisor.start(plan.server)
        try await hypervisor.stop(plan.server, patience: .milliseconds(200))
        #expect(try await find(plan.server)?.power == .shutdown)
        try await hypervisor.stop(plan.server, patience: .zero)
        try await hypervisor.start(plan.server)
        #expect(try await find(plan.server)?.power == .running)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    func aRebootedGuestRunsAlsoWhenItWasOff() async throws {
        let plan = Self.plan()
        _ = try await hypervisor.define(plan)
        try await hypervisor.reboot(plan.server, .hard, patience: .zero)
        #expect(try await find(plan.server)?.power == .running)
        try await hypervisor.reboot(plan.server, .hard, patience: .zero)
        try await hypervisor.reboot(plan.server, .soft, patience: .milliseconds(200))
        #expect(try await find(plan.server)?.power == .running)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    func whatWasAppliedIsRememberedAndNeverLowered() async throws {
        let plan = Self.plan(epoch: 7)
        _ = try await hypervisor.define(plan)
        try await hypervisor.setApplied(plan.server, revision: 3, epoch: 7)
        #expect(try await find(plan.server)?.appliedRevision == 3)
        await expect(.conflict) { try await hypervisor.setApplied(plan.server, revision: 2, epoch: 7) }
        await expect(.conflict) { try await hypervisor.setApplied(plan.server, revision: 9, epoch: 6) }
        try await hypervisor.start(plan.server)
        try await hypervisor.setApplied(plan.server, revision: 1, epoch: 8)
        let guest = try await find(plan.server)
        #expect(guest?.appliedRevision == 1)
        #expect(guest?.epoch == 8)
        #expect(guest?.spec == plan.spec)
        try await hypervisor.destroy(plan.server, epoch: 8)
    }

    func aServerIsNotDefinedTwice() async throws {
        let plan = Self.plan()
        _ = try await hypervisor.define(plan)
        await expect(.conflict) { _ = try await hypervisor.define(plan) }
        #expect(try await find(plan.server) != nil)
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    func anOlderPlacementDestroysNothing() async throws {
        let plan = Self.plan(epoch: 7)
        _ = try await hypervisor.define(plan)
        await expect(.conflict) { try await hypervisor.destroy(plan.server, epoch: 6) }
        #expect(try await find(plan.server) != nil)
        try await hypervisor.destroy(plan.server, epoch: 7)
        #expect(try await find(plan.server) == nil)
        try await hypervisor.destroy(plan.server, epoch: 7)
    }

    func aMissingGuestIsNotFound() async throws {
        let server = ServerID.random()
        #expect(try await hypervisor.guest(server) == nil)
        await expect(.notFound) { try await hypervisor.start(server) }
        await expect(.notFound) { try await hypervisor.stop(server, patience: .zero) }
        await expect(.notFound) { try await hypervisor.reboot(server, .hard, patience: .zero) }
        await expect(.notFound) { try await hypervisor.setApplied(server, revision: 1, epoch: 1) }
        await expect(.notFound) { _ = try await hypervisor.consoleOutput(server, lines: nil) }
    }

    func theConsoleShowsItsLastLines() async throws {
        let plan = Self.plan()
        _ = try await hypervisor.define(plan)
        try await hypervisor.start(plan.server)
        let deadline = ContinuousClock.now + .seconds(60)
        var all = ""
        repeat {
            all = try await hypervisor.consoleOutput(plan.server, lines: nil)
            try await Task.sleep(for: .milliseconds(100))
        } while all.split(separator: "\n").count < 2 && ContinuousClock.now < deadline
        #expect(all.split(separator: "\n").count >= 2)
        let one = try await hypervisor.consoleOutput(plan.server, lines: 1)
        #expect(one.split(separator: "\n").count <= 1)
        #expect(try await hypervisor.consoleOutput(plan.server, lines: 0) == "")
        try await hypervisor.destroy(plan.server, epoch: plan.epoch)
    }

    private func find(_ server: ServerID) async throws -> Guest? {
        try await hypervisor.guests().first { $0.server == server }
    }

    private func expect(
        _ code: CloudError.Code, from location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async {
        do {
            try await body()
            Issue.record("nothing was thrown, expected \(code)", sourceLocation: location)
        } catch let error as CloudError {
            #expect(error.code == code, sourceLocation: location)
        } catch {
            Issue.record("\(error) is not a CloudError", sourceLocation: location)
        }
    }
}

extension PlacementEpoch: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self.init(value) }
}
