import CellProtocol
import CloudModel
import Messaging
import Testing

@testable import ComputeAgent

/// A host's hello, however much its tenants wrote.
@Suite struct GreetingTests {
    private func hello(guests: Int, metadata bytes: Int) -> HostHello {
        var spec = someSpec
        spec.metadata = ["a": String(repeating: "x", count: bytes)]
        return HostHello(
            inventory: HostInventory(
                size: ResourceSize(vcpus: 8, ram: 8_192, disk: 100), hypervisorType: "fake", hypervisorVersion: 1,
                acceleration: "simulated", traits: [], cachedImages: [], zone: "tunis", address: "127.0.0.1"),
            guests: (0..<guests).map { _ in
                .init(
                    observation: Observation(
                        server: .random(), epoch: PlacementEpoch(7), appliedRevision: 1, presence: .present, power: .running),
                    spec: spec, ordered: 1)
            }, release: "0.1")
    }

    @Test func aShortOneGoesOnTheControlLane() throws {
        let hello = hello(guests: 10, metadata: 10)
        let greeting = try Greeting(hello)
        #expect(greeting.lane == .control)
        #expect(greeting.hello.guests == hello.guests)
    }

    @Test func theLaneIsChosenByBytesAndNotByGuests() throws {
        let hello = hello(guests: 80, metadata: 16_000)
        let greeting = try Greeting(hello)
        #expect(greeting.lane == .bulk)
        #expect(greeting.hello.guests == hello.guests)
    }

    @Test func whatNoLaneTakesGoesWithoutWhatTenantsWrote() throws {
        let greeting = try Greeting(hello(guests: 600, metadata: 16_000))
        #expect(greeting.lane == .bulk)
        #expect(greeting.hello.guests.count == 600)
        #expect(greeting.hello.guests.allSatisfy { $0.spec?.metadata == [:] && $0.spec?.flavor == someSpec.flavor })
        #expect(try CellCoding.encode(greeting.hello).count <= Lane.bulk.bytes)
    }

    @Test func andThenWithoutSpecs() throws {
        let greeting = try Greeting(hello(guests: 200, metadata: 10), control: 10_000, bulk: 60_000)
        #expect(greeting.hello.guests.count == 200)
        #expect(greeting.hello.guests.allSatisfy { $0.spec == nil && $0.ordered == 1 })
        #expect(throws: MessagingError.self) { try Greeting(hello(guests: 200, metadata: 10), control: 100, bulk: 1_000) }
    }
}
