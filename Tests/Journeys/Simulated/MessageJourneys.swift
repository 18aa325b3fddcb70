import CellProtocol
import CellSimulator
import CloudModel
import Database
import Messaging
import Testing

/// Every kind of message may be lost, its answer may be lost, it may be carried out twice or come late: that costs time, nothing else.
@Suite struct MessageJourneys {
    static let kinds = [
        ReserveHost.kind, PerformIntent.kind, FeedBatch.kind, CellHello.kind, CellSummary.kind, HostHello.kind, AskForWork.kind,
        WakeHost.kind, ReportWork.kind, RankHosts.kind,
    ]

    @Test(arguments: seeds(1...3))
    func lossDuplicationAndReorderingCostOnlyTime(seed: UInt64) async throws {
        var faults = Faults.bad(loss: 0.08, duplication: 0.1, reordering: 0.2)
        faults.delay = .zero ... .milliseconds(20)
        try await SimulatedFederation.with(seed: seed, faults: faults) { federation in
            let servers = try await federation.accept(24)
            let doomed = Array(servers.prefix(8))
            for server in doomed { try await federation.act(.delete, on: server) }
            for server in servers.dropFirst(8) {
                try await eventually("\(server) is active", within: .seconds(60)) {
                    try await federation.show(server).status == "ACTIVE"
                }
            }
            for server in doomed {
                try await eventually("\(server) is gone", within: .seconds(60)) { try await federation.show(server).isDeleted }
            }
            federation.network.set(.none)
            try await federation.holdsTogether(servers)
        }
    }

    @Test(arguments: kinds)
    func faultsOfOneKindCostOnlyTime(kind: String) async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            federation.faults.set(MessageFaults.Fault.allCases, on: kind, probability: 0.4)
            let servers = try await federation.accept(10)
            let doomed = Array(servers.prefix(3))
            try await Task.sleep(for: .milliseconds(100))
            for server in doomed { try await federation.act(.delete, on: server) }
            try await federation.areActive(Array(servers.dropFirst(3)))
            for server in servers[3...4] { #expect(try await federation.act(.stop, on: server) != nil) }
            // A new conductor and its greetings suffer too.
            await federation.cell("london").restartConductor()
            for server in servers[3...4] {
                try await eventually("\(server) stops") { try await federation.show(server).status == "SHUTOFF" }
            }
            for server in doomed { try await eventually("\(server) is gone") { try await federation.show(server).isDeleted } }
            federation.faults.clear()
            try await federation.holdsTogether(servers)
            for cell in federation.cells.values { try await cell.claimsMatchServers() }
        }
    }

    /// Recovery itself over a bad link.
    @Test func aCellRecoversOverABadLink() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let cell = federation.cell("tunis")
            let servers = try await federation.accept(5)
            try await federation.areActive(servers)
            let before = await cell.census()
            for kind in [RecoverServers.kind, CellHello.kind, HostHello.kind, FeedBatch.kind] {
                federation.faults.set(MessageFaults.Fault.allCases, on: kind, probability: 0.4)
            }
            await cell.kill("conductor")
            try await cell.loseDatabase()
            cell.startConductor()
            try await eventually("the cell knows its servers again") { try await cell.hasRecovered(servers) }
            federation.faults.clear()
            try await federation.countsOn("tunis")
            #expect(await cell.census() == before)
            try await cell.claimsMatchServers()
            try await federation.areActive(try await federation.accept(1))
        }
    }

    /// The mapping is written, the create gets lost until the room it was promised has gone: the cell refuses, and the next one takes it.
    @Test func aClaimThatExpiresBeforeItsIntentSendsTheServerToTheNextCell() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let london = federation.cell("london")
            federation.faults.set([.losesQuestion], on: PerformIntent.kind, to: .cell("london"))
            // London comes first while both are empty.
            let server = try await federation.accept()[0]
            try await eventually("it is mapped to london") { try await federation.show(server).cell == "london" }
            #expect(try await london.database.query("SELECT 1 FROM cell.claims WHERE server = \(server)").count == 1)
            try await eventually("the claim has expired") {
                try await london.database.query("SELECT 1 FROM cell.claims").isEmpty
            }
            try await london.database.query("UPDATE cell.hosts SET enabled = false")
            federation.faults.clear()
            try await federation.areActive([server])
            #expect(try await federation.show(server).cell == "tunis")
            #expect(
                try await london.database.query("SELECT 1 FROM cell.servers WHERE id = \(server) AND record ? 'refused'").count
                    == 1)
            try await federation.holdsTogether([server])
            // A second life in the cell that refused it is a new placement, and the tombstone doesn't stand in its way.
            #expect(await london.guests().isEmpty)
        }
    }

    /// The same, with room left: the cell claims anew and keeps the server.
    @Test func aClaimThatExpiredIsMadeAnewWhereThereIsRoom() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            federation.faults.set([.losesQuestion], on: PerformIntent.kind, to: .cell("london"))
            let server = try await federation.accept()[0]
            try await eventually("it is mapped to london") { try await federation.show(server).cell == "london" }
            let london = federation.cell("london")
            try await eventually("the claim has expired") {
                try await london.database.query("SELECT 1 FROM cell.claims").isEmpty
            }
            federation.faults.clear()
            try await federation.areActive([server])
            #expect(try await federation.show(server).cell == "london")
            try await london.claimsMatchServers()
        }
    }
}
