import CellSimulator
import CloudModel
import Database
import Hypervisors
import Testing

/// A new region has the federation's images before its first server needs one.
@Suite(.serialized) struct WarmUpJourneys {
    private let images = [ImageID.random(), .random(), .random()]

    @Test func aNewRegionFetchesEachImageOnce() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], images: images) { federation in
            try await warmedUp("tunis", of: federation)
            let fetched = federation.warmedImages
            #expect(Set(fetched.values.flatMap(\.self)) == Set(images))
            #expect(fetched.values.reduce(0) { $0 + $1.count } == 3)
            #expect(fetched.count == 2, "they go round the hosts")
        }
    }

    @Test func itGoesOnWhereADeadConductorAndADeadHostLeftIt() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], images: images) { federation in
            federation.faults.set([.losesAnswer, .losesQuestion, .comesTwice], on: "warm-image/1", probability: 0.5)
            federation.faults.set([.losesAnswer, .losesQuestion], on: "ask-for-warm-up-grant/1", probability: 0.3)
            let tunis = federation.cell("tunis")
            try await eventually("the first is there", within: .seconds(60)) { !federation.warmedImages.isEmpty }
            await tunis.restartConductor()
            await tunis.kill("compute-1.tunis")
            try await eventually("the other host has them all", within: .seconds(60)) {
                Set(federation.warmedImages.values.flatMap(\.self)) == Set(images)
            }
            federation.faults.clear()
            tunis.startAgent("compute-1.tunis")
            try await warmedUp("tunis", of: federation)
        }
    }

    /// A cell whose database says so asks for nothing, however often its conductor starts.
    @Test func itHappensOnceInTheLifeOfACell() async throws {
        try await SimulatedFederation.with(cells: ["tunis"], images: images) { federation in
            try await warmedUp("tunis", of: federation)
            let tunis = federation.cell("tunis")
            let first = try await warmedAt(tunis)
            await tunis.restartConductor()
            let servers = try await federation.accept(1)
            try await eventually("the cell works") { try await federation.show(servers[0]).status == "ACTIVE" }
            #expect(try await warmedAt(tunis) == first)
        }
    }

    private func warmedAt(_ cell: SimulatedCell) async throws -> Timestamp? {
        try await cell.database.query("SELECT warmed_at FROM cell.standing").first?.get("warmed_at")
    }

    private func warmedUp(_ cell: CellName, of federation: SimulatedFederation) async throws {
        try await eventually("\(cell) has warmed up") { try await warmedAt(federation.cell(cell)) != nil }
    }
}
