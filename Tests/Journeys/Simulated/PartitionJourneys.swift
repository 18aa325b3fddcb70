import CellProtocol
import CellSimulator
import CloudModel
import Messaging
import Testing

/// Regions that are cut off, lossy links and processes that die, over the same code as production.
@Suite(.serialized) struct PartitionJourneys {
    @Test func bootsGoElsewhereWhileARegionIsCutOff() async throws {
        try await SimulatedFederation.with { federation in
            federation.cut("london")
            let servers = try await federation.accept(6)
            for server in servers {
                try await eventually("\(server) is active") {
                    try await federation.show(server).status == "ACTIVE"
                }
                #expect(try await federation.show(server).cell != "london")
            }
            federation.heal()
            try await federation.holdsTogether(servers)
        }
    }

    @Test func aBootPinnedToASilentZoneEndsInErrorThatNamesIt() async throws {
        try await SimulatedFederation.with { federation in
            federation.cut("tunis")
            let server = try await federation.accept(1, zone: "tunis")[0]
            try await eventually("error") { try await federation.show(server).status == "ERROR" }
            #expect(try await federation.show(server).message?.contains("tunis") == true)
        }
    }

    @Test func aOneWayCutIsSilenceForBoth() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            federation.cut("tunis", oneWay: true)
            let servers = try await federation.accept(4)
            for server in servers {
                try await eventually("\(server) is active") {
                    try await federation.show(server).status == "ACTIVE"
                }
                #expect(try await federation.show(server).cell == "london")
            }
        }
    }

    @Test func onHealingUnexpiredActionsRunOnceAndExpiredOnesNotAtAll() async throws {
        try await SimulatedFederation.with(cells: ["tunis"]) { federation in
            let servers = try await federation.accept(2)
            for server in servers { try await eventually("active") { try await federation.show(server).status == "ACTIVE" } }
            federation.cut("tunis")
            #expect(try await federation.act(.stop, on: servers[0]) == 2)
            #expect(try await federation.act(.stop, on: servers[1], deadline: .milliseconds(300)) == 2)
            try await Task.sleep(for: .milliseconds(600))
            #expect(try await federation.show(servers[0]).task == "powering-off")
            federation.heal()
            try await eventually("stopped") { try await federation.show(servers[0]).status == "SHUTOFF" }
            try await eventually("expired") { try await federation.outcome(of: 2, on: servers[1]) == "expired" }
            #expect(try await federation.show(servers[1]).status == "ACTIVE")
            #expect(try await federation.show(servers[1]).task == nil)
        }
    }

    @Test func aConductorThatDiesInTheMiddleLosesNothing() async throws {
        try await SimulatedFederation.with(cells: ["london", "tunis"]) { federation in
            let servers = try await federation.accept(40)
            for _ in 0..<4 {
                await federation.cell("london").restartConductor()
                await federation.cell("tunis").restartConductor()
            }
            for server in servers {
                try await eventually("\(server) has ended", within: .seconds(40)) {
                    try await federation.show(server).status != "BUILD"
                }
            }
            try await federation.holdsTogether(servers)
        }
    }
}
