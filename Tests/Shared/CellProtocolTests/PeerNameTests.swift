import CellProtocol
import CloudModel
import Testing

@Suite struct PeerNameTests {
    @Test(arguments: [
        "hub:meridian", "api:api-1", "cell:tunis", "scheduler:tunis", "host:compute-1.tunis", "simulator:sim.tunis",
    ])
    func isReadAsItIsWritten(text: String) { #expect(PeerName(text)?.description == text) }

    @Test(arguments: [
        "", "tunis", ":", "cell:", ":tunis", "cells:tunis", "cell:tu nis", "cell:tunis\n", "cell:../etc", "cell:tunis:1",
        "Cell:tunis",
        "cell:tünis", "cell:\u{0}",
    ])
    func anythingElseIsRefused(text: String) { #expect(PeerName(text) == nil) }

    @Test(arguments: [
        ("host:sim-1.tunis", true), ("host:sim-4000.tunis", true), ("host:sim-999999999.tunis", true),
        ("host:sim-1.london", false), ("host:lab-1.tunis", false), ("host:sim-1-1.tunis", false), ("host:sim-.tunis", false),
        ("host:sim-01.tunis", false), ("host:sim-0.tunis", false), ("host:sim-1234567890.tunis", false),
        ("host:sim-1x.tunis", false), ("host:sim.tunis", false), ("host:sim1.tunis", false), ("host:-1.tunis", false),
        ("host:sim-1", false), ("cell:tunis", false), ("scheduler:sim-1.tunis", false), ("simulator:sim-1.tunis", false),
    ])
    func aSimulatorSpeaksForTheHostsOfItsName(host: String, speaks: Bool) throws {
        let simulator = PeerName.simulator("sim", of: "tunis")
        #expect(simulator.speaks(for: try #require(PeerName(host)), to: .cell("tunis")) == speaks)
    }

    @Test func aSimulatorSpeaksToTheCellOfItsHostsOnly() {
        let (simulator, host) = (PeerName.simulator("sim", of: "tunis"), PeerName.host("sim-1.tunis"))
        #expect(!simulator.speaks(for: host, to: .cell("london")))
        #expect(!simulator.speaks(for: .host("sim-1.london"), to: .cell("london")))
        #expect(!simulator.speaks(for: host, to: .hub("tunis")))
        #expect(!PeerName.host("sim.tunis").speaks(for: host, to: .cell("tunis")))
        #expect(!PeerName(.simulator, ".tunis").speaks(for: .host("-1.tunis"), to: .cell("tunis")))
    }

    @Test func aHostsNameBelongsToOneSimulator() {
        let host = PeerName.host("sim-5-1.tunis")
        let speakers = ["sim", "sim-5", "sim-5-1", "si"].filter {
            PeerName.simulator($0, of: "tunis").speaks(for: host, to: .cell("tunis"))
        }
        #expect(speakers == ["sim-5"])
    }

    @Test func namesHaveALimit() {
        #expect(PeerName("cell:" + String(repeating: "a", count: 120)) != nil)
        #expect(PeerName("cell:" + String(repeating: "a", count: 121)) == nil)
    }
}
