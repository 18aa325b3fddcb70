import CellProtocol
import CellSimulator
import CloudModel
import Messaging
import Testing

/// A hub takes the place of another while cells are talking to it.
@Suite struct NewHubJourneys {
    /// Nothing is placed in a cell that has not said hello, so one that takes the new hub for the old one would never be placed in again.
    @Test(arguments: seeds(1...3)) func everyCellSaysHelloToTheNewOne(seed: UInt64) async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"], seed: seed) { federation in
            var random = SeededRandom(seed: seed, for: "new hubs")
            // What was meant for one hub arrives at the next.
            federation.faults.set([.comesLate], on: FeedBatch.kind)
            var servers: [ServerID] = []
            for _ in 0..<8 {
                servers += try await federation.accept(4)
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...250, using: &random)))
                await federation.killHub()
                federation.startHub()
            }
            federation.faults.clear()
            servers += try await federation.accept(2, zone: "london")
            servers += try await federation.accept(2, zone: "tunis")
            try await federation.areActive(servers)
        }
    }
}
