import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import Hypervisors
import Logging
import Messaging
import Testing

@Suite struct HostAgentTests {
    /// A host with its agent and conductor on a network of their own, gone when `body` returns.
    private func withHost(
        _ hypervisor: SimulatedHypervisor, faults: Faults = .none, seed: UInt64 = 1,
        limits: MessagingLimits = MessagingLimits(),
        _ body: (FakeConductor, MemoryNetwork) async throws -> Void
    ) async throws {
        let network = MemoryNetwork(seed: seed, faults: faults)
        let conductor = FakeConductor(network, host: "compute-1.tunis")
        try await withAgent(hypervisor, network, limits: limits) { try await body(conductor, network) }
    }

    private func withAgent(
        _ hypervisor: SimulatedHypervisor, _ network: MemoryNetwork, limits: MessagingLimits = MessagingLimits(),
        _ body: () async throws -> Void
    ) async throws {
        let messenger = network.messenger(
            .host("compute-1.tunis"), dialling: [.cell("tunis")], limits: limits, logger: .silent)
        var settings = HostAgent.Settings(
            host: "compute-1.tunis", cell: "tunis", zone: "tunis", address: "127.0.0.1", limits: .simulated)
        settings.answerTimeout = .milliseconds(300)
        let agent = HostAgent(settings, hypervisor: hypervisor, images: NoImages(), messenger: messenger, logger: .silent)
        messenger.start()
        let running = Task { try await agent.run() }
        defer { messenger.stop() }
        do {
            try await body()
        } catch {
            running.cancel()
            throw error
        }
        running.cancel()
        try await running.value
    }

    private func order(
        _ server: ServerID, _ desired: WorkOrder.Desired = .running, revision: Int64 = 1, epoch: Int64 = 7,
        deadline: Duration = .seconds(60)
    ) -> WorkOrder {
        WorkOrder(
            server: server, epoch: PlacementEpoch(epoch), revision: revision, desired: desired, spec: someSpec, action: 1,
            request: "req-1", deadline: .now() + deadline)
    }

    @Test func aBootIsBuiltReportedAndTraced() async throws {
        let server = ServerID.random()
        try await withHost(try SimulatedHypervisor(SimulationScript(boot: .milliseconds(4)))) { conductor, _ in
            conductor.order(order(server))
            let seen = try await conductor.wait(for: server) { $0.power == .running }
            #expect(seen.presence == .present)
            #expect(seen.appliedRevision == 1)
            let steps = conductor.steps(server)
            #expect(
                steps.map(\.name) == ["host.order", "host.image", "host.network", "host.volumes", "host.define", "host.start"])
            #expect(Set(steps.flatMap(\.classic)) == Set(13...29))
            #expect(steps[2].note == "skipped: no network service")
            #expect(try await conductor.console(server).contains("GUEST-READY"))
        }
    }

    @Test func aRestartedAgentAdoptsWhatRunsAndSpawnsNothingTwice() async throws {
        let server = ServerID.random()
        let journal = NSTemporaryDirectory() + "meridian-journal-\(UUID().uuidString)"
        defer { unlink(journal) }
        let hypervisor = try SimulatedHypervisor(journal: journal)
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
        }
        try await withHost(try SimulatedHypervisor(journal: journal)) { conductor, _ in
            conductor.order(order(server))
            let seen = try await conductor.wait(for: server) { $0.power == .running }
            #expect(seen.appliedRevision == 1)
            #expect(conductor.hellos.first?.guests.map(\.observation.server) == [server])
            #expect(conductor.hellos.first?.guests.first?.spec == someSpec)
        }
        #expect(try SimulationJournal.read(journal).violations.isEmpty)
    }

    /// 16 KB of metadata each: neither the orders nor the hello of a hundred servers fit into a message of the control lane.
    @Test func aHostFullOfMetadataGetsItsOrdersAndSaysHello() async throws {
        let hypervisor = try SimulatedHypervisor()
        let orders = (0..<100).map { _ in
            var order = order(.random())
            order.spec.metadata = ["a": String(repeating: "x", count: 16_000)]
            return order
        }
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(orders)
            for order in orders { _ = try await conductor.wait(for: order.server) { $0.power == .running } }
            #expect(conductor.pages > 0)
        }
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(orders)
            let hello = try await eventually { conductor.hellos.first }
            #expect(hello.guests.count == 100)
            #expect(hello.guests.allSatisfy { $0.spec?.metadata.count == 1 })
            for order in orders { _ = try await conductor.wait(for: order.server) { $0.power == .running } }
        }
        #expect(await hypervisor.violations.isEmpty)
    }

    /// A storm's reports with their steps may be more than a message, here of 4 KB.
    @Test func reportsThatAreTooLongTogetherAreSentInPieces() async throws {
        var limits = MessagingLimits()
        limits.controlBytes = 4_000
        try await withHost(try SimulatedHypervisor(), limits: limits) { conductor, _ in
            let orders = (0..<40).map { _ in order(.random()) }
            conductor.order(orders)
            for order in orders { _ = try await conductor.wait(for: order.server) { $0.power == .running } }
            for order in orders { #expect(conductor.steps(order.server).map(\.name).contains("host.start")) }
        }
    }

    @Test func deleteDuringASpawnLeavesNothing() async throws {
        let server = ServerID.random()
        for step in [SimulationScript.Step.define, .start] {
            let hypervisor = try SimulatedHypervisor()
            await hypervisor.hold(step)
            try await withHost(hypervisor) { conductor, _ in
                conductor.order(order(server))
                _ = try await eventually { await hypervisor.waiting(at: step) == 1 ? true : nil }
                conductor.order(order(server, .destroyed, revision: 2))
                try await Task.sleep(for: .milliseconds(50))
                await hypervisor.release(step)
                let seen = try await conductor.wait(for: server) { $0.presence == .absent && $0.appliedRevision == 2 }
                #expect(seen.failure == nil)
                #expect(await hypervisor.guests().isEmpty)
            }
        }
    }

    @Test func aDeleteInterruptsWorkThatWouldTakeLong() async throws {
        var script = SimulationScript()
        script.times = [.start: .seconds(600)]
        let (server, hypervisor) = (ServerID.random(), try SimulatedHypervisor(script))
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await eventually { await hypervisor.guests().isEmpty ? nil : true }
            conductor.order(order(server, .destroyed, revision: 2))
            _ = try await conductor.wait(for: server) { $0.presence == .absent && $0.appliedRevision == 2 }
            #expect(await hypervisor.guests().isEmpty)
        }
    }

    @Test func deleteBeforeAndAfterASpawnIsAnswered() async throws {
        let hypervisor = try SimulatedHypervisor()
        try await withHost(hypervisor) { conductor, _ in
            let never = ServerID.random()
            conductor.order(order(never, .destroyed, revision: 2))
            _ = try await conductor.wait(for: never) { $0.presence == .absent && $0.appliedRevision == 2 }
            let built = ServerID.random()
            conductor.order(order(built))
            _ = try await conductor.wait(for: built) { $0.power == .running }
            conductor.order(order(built, .destroyed, revision: 2))
            _ = try await conductor.wait(for: built) { $0.presence == .absent && $0.appliedRevision == 2 }
            #expect(await hypervisor.guests().isEmpty)
        }
    }

    @Test func aGuestWithoutAnOrderRunsOn() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
            conductor.forget(server)
            try await Task.sleep(for: .milliseconds(600))
            #expect(await hypervisor.guests().map(\.power) == [.running])
        }
    }

    @Test func aCrashIsReported() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
            try await hypervisor.happen(.crashed, to: server)
            _ = try await conductor.wait(for: server) { $0.power == .crashed }
        }
    }

    @Test func aGuestThatVanishesIsReportedAbsent() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
            try await hypervisor.lose(server)
            _ = try await conductor.wait(for: server) { $0.presence == .absent }
            #expect(await hypervisor.violations.isEmpty)
        }
    }

    @Test func aReportIsRepeatedUntilItIsAcknowledged() async throws {
        let server = ServerID.random()
        try await withHost(try SimulatedHypervisor()) { conductor, _ in
            conductor.refuseReports(3)
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
            #expect(conductor.steps(server).count == 6)
        }
    }

    @Test func aBuildThatIsNotUpByItsDeadlineFailsAndLeavesNothing() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor(SimulationScript(boot: .seconds(30)))
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server, deadline: .milliseconds(300)))
            let seen = try await conductor.wait(for: server) { $0.failure != nil }
            #expect(seen.presence == .absent)
            #expect(seen.failedRevision == 1)
            #expect(await hypervisor.guests().isEmpty)
        }
    }

    @Test func aFailedStartIsUndoneAndReportedWithItsReason() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        await hypervisor.failNext(.start, CloudError(.internalError, "The machine is on fire.", detail: "x"))
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            let seen = try await conductor.wait(for: server) { $0.failure != nil }
            #expect(seen.failure == "The machine is on fire.")
            #expect(seen.presence == .absent)
            #expect(await hypervisor.guests().isEmpty)
        }
    }

    @Test func anUnavailableHypervisorIsTriedAgain() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        await hypervisor.failNext(.start, CloudError(.unavailable, "The hypervisor can't be reached."))
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running && $0.appliedRevision == 1 }
            #expect(await hypervisor.violations.isEmpty)
        }
    }

    @Test func theWholeLifeOfAServerRunsInOrder() async throws {
        let server = ServerID.random()
        let hypervisor = try SimulatedHypervisor()
        try await withHost(hypervisor) { conductor, _ in
            conductor.order(order(server))
            _ = try await conductor.wait(for: server) { $0.power == .running }
            conductor.order(order(server, .stopped, revision: 2))
            _ = try await conductor.wait(for: server) { $0.power == .shutdown && $0.appliedRevision == 2 }
            conductor.order(order(server, .running, revision: 3))
            _ = try await conductor.wait(for: server) { $0.power == .running && $0.appliedRevision == 3 }
            var reboot = order(server, .running, revision: 4)
            reboot.reboot = .hard
            conductor.order(reboot)
            _ = try await conductor.wait(for: server) { $0.power == .running && $0.appliedRevision == 4 }
        }
    }

    @Test(arguments: [1, 2, 3, 4])
    func ordersAreCarriedOutOnceOverABadNetwork(seed: UInt64) async throws {
        let hypervisor = try SimulatedHypervisor(SimulationScript(boot: .milliseconds(4)))
        let servers = (0..<20).map { _ in ServerID.random() }
        try await withHost(hypervisor, faults: .bad(loss: 0.1, duplication: 0.1, reordering: 0.2), seed: seed) {
            conductor, network in
            for server in servers { conductor.order(order(server)) }
            for server in servers { _ = try await conductor.wait(for: server, within: .seconds(40)) { $0.power == .running } }
            network.cut(.cell("tunis"), .host("compute-1.tunis"))
            for server in servers { conductor.order(order(server, .destroyed, revision: 2)) }
            try await Task.sleep(for: .milliseconds(400))
            network.heal()
            for server in servers {
                _ = try await conductor.wait(for: server, within: .seconds(40)) {
                    $0.presence == .absent && $0.appliedRevision == 2
                }
            }
            #expect(await hypervisor.guests().isEmpty)
            #expect(await hypervisor.violations.isEmpty)
        }
    }

    @Test func aStormIsToldInFewReports() async throws {
        let hypervisor = try SimulatedHypervisor(SimulationScript(boot: .milliseconds(4)))
        let servers = (0..<200).map { _ in ServerID.random() }
        try await withHost(hypervisor) { conductor, _ in
            for server in servers { conductor.order(order(server)) }
            for server in servers { _ = try await conductor.wait(for: server) { $0.power == .running } }
            #expect(conductor.reports < 400)
        }
    }
}
