import CellProtocol
import CloudModel
import Foundation
import Hypervisors
import Testing

@Suite struct SimulatedHypervisorTests {
    private func contract() throws -> HypervisorContract { HypervisorContract(hypervisor: try SimulatedHypervisor()) }

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
    @Test func theConsoleShowsItsLastLines() async throws { try await contract().theConsoleShowsItsLastLines() }

    @Test func guestsOutliveTheProcessThroughTheJournal() async throws {
        let path = NSTemporaryDirectory() + "meridian-journal-\(UUID().uuidString)"
        defer { unlink(path) }
        let plan = HypervisorContract.plan(epoch: 4)
        do {
            let first = try SimulatedHypervisor(journal: path)
            _ = try await first.define(plan)
            try await first.start(plan.server)
            try await first.setApplied(plan.server, revision: 2, epoch: 4)
        }
        let second = try SimulatedHypervisor(journal: path)
        let guests = await second.guests()
        #expect(guests == [Guest(server: plan.server, epoch: 4, appliedRevision: 2, power: .running, spec: plan.spec)])
    }

    @Test func aLineCutShortByAKillIsLeftOut() async throws {
        let path = NSTemporaryDirectory() + "meridian-journal-\(UUID().uuidString)"
        defer { unlink(path) }
        let plan = HypervisorContract.plan()
        do {
            let first = try SimulatedHypervisor(journal: path)
            _ = try await first.define(plan)
        }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"event\":\"destroyed\",\"serv".utf8))
        try file.close()
        let second = try SimulatedHypervisor(journal: path)
        #expect(await second.guests().count == 1)
        try await second.start(plan.server)
        #expect(try SimulationJournal.read(path).guests[plan.server]?.power == .running)
    }

    @Test func aDoubleSpawnIsRefusedAndWrittenDown() async throws {
        let path = NSTemporaryDirectory() + "meridian-journal-\(UUID().uuidString)"
        defer { unlink(path) }
        let hypervisor = try SimulatedHypervisor(journal: path)
        let plan = HypervisorContract.plan(epoch: 4)
        _ = try await hypervisor.define(plan)
        var later = plan
        later.epoch = 5
        await #expect(throws: CloudError.self) { _ = try await hypervisor.define(later) }
        #expect(try SimulationJournal.read(path).violations.count == 1)
    }

    @Test func aServerThatRanAndWasDestroyedIsNotSpawnedAgainForTheSamePlacement() async throws {
        let hypervisor = try SimulatedHypervisor()
        let plan = HypervisorContract.plan(epoch: 4)
        _ = try await hypervisor.define(plan)
        try await hypervisor.start(plan.server)
        try await hypervisor.destroy(plan.server, epoch: 4)
        await #expect(throws: CloudError.self) { _ = try await hypervisor.define(plan) }
        #expect(await hypervisor.violations.count == 1)
    }

    @Test func aBuildThatFailedMayBeTriedAgain() async throws {
        let hypervisor = try SimulatedHypervisor()
        let plan = HypervisorContract.plan(epoch: 4)
        _ = try await hypervisor.define(plan)
        try await hypervisor.destroy(plan.server, epoch: 4)
        _ = try await hypervisor.define(plan)
        #expect(await hypervisor.violations.isEmpty)
    }

    @Test func theSameSeedFailsAlike() async throws {
        func failures(seed: UInt64) async throws -> [Bool] {
            let hypervisor = try SimulatedHypervisor(SimulationScript(failureRate: 0.5, seed: seed))
            var failed: [Bool] = []
            for _ in 0..<32 {
                let plan = HypervisorContract.plan()
                _ = try await hypervisor.define(plan)
                failed.append((try? await hypervisor.start(plan.server)) == nil)
            }
            return failed
        }
        let once = try await failures(seed: 42)
        #expect(try await failures(seed: 42) == once)
        #expect(try await failures(seed: 43) != once)
    }

    @Test func theNextReaderHearsEventsAfterTheFirstIsGone() async throws {
        let hypervisor = try SimulatedHypervisor()
        let plan = HypervisorContract.plan()
        _ = try await hypervisor.define(plan)
        let first = Task { [events = hypervisor.events] in for await _ in events {} }
        first.cancel()
        await first.value
        var second = hypervisor.events.makeAsyncIterator()
        try await hypervisor.happen(.crashed, to: plan.server)
        #expect(await second.next() == .changed(plan.server, .crashed))
    }
}
