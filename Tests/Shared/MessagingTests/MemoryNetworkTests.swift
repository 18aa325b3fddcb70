import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

@Suite(.timeLimit(.minutes(8))) struct MemoryNetworkTests {
    private let hub = PeerName.hub("top")
    private let tunis = PeerName.cell("tunis")

    /// Which of a hundred casts arrive, and in which order.
    private func arrivals(seed: UInt64, faults: Faults) async throws -> [UInt8] {
        let network = MemoryNetwork(seed: seed, faults: faults, clock: .manual)
        let (top, cell) = (network.messenger(hub), network.messenger(tunis, dialling: [hub]))
        let seen = Notes<UInt8>()
        top.handle("count/1", from: [.cell]) { message in
            seen.add(message.body[0])
            return []
        }
        top.start()
        cell.start()
        for number in UInt8(0)..<100 {
            cell.tell(hub, "count/1", [number])
            network.advance(by: .milliseconds(1))
        }
        network.advance(by: .seconds(1))
        try await eventually("handled") { seen.count == top.counters.received - top.counters.duplicates }
        return seen.all
    }

    @Test func aSeedGivesTheSameFaultsAgain() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let first = try await arrivals(seed: seed, faults: .bad(loss: 0.2))
        #expect(try await arrivals(seed: seed, faults: .bad(loss: 0.2)) == first, "seed \(seed)")
        #expect(try await arrivals(seed: seed &+ 1, faults: .bad(loss: 0.2)) != first, "seed \(seed)")
        #expect(first.count < 100)
        #expect(Set(first).count == first.count, "no copy is handled twice, seed \(seed)")
        #expect(first != first.sorted(), "some are overtaken, seed \(seed)")
    }

    @Test func withoutFaultsEverythingArrivesInOrder() async throws {
        #expect(try await arrivals(seed: 1, faults: .none) == Array(0..<100))
    }

    @Test func aDelayIsKeptAndKeepsTheOrder() async throws {
        var faults = Faults()
        faults.delay = .milliseconds(10) ... .milliseconds(90)
        #expect(try await arrivals(seed: 3, faults: faults) == Array(0..<100))
    }

    @Test func aCallThatComesTwiceRunsOnce() async throws {
        var faults = Faults()
        faults.duplication = 1
        faults.lateness = .milliseconds(5)
        let network = MemoryNetwork(seed: 5, faults: faults)
        let (top, cell) = (network.messenger(hub), network.messenger(tunis, dialling: [hub]))
        let runs = Notes<Bool>()
        top.handle("once/1", from: [.cell]) { _ in
            runs.add(true)
            return [1]
        }
        top.start()
        cell.start()
        for _ in 0..<50 { #expect(try await cell.ask(hub, "once/1") == [1]) }
        try await eventually("every copy is met") { top.counters.duplicates == 50 }
        #expect(runs.count == 50)
    }

    @Test func aRepeatedCallWhoseReplyWasLostGetsTheFirstAnswer() async throws {
        let network = MemoryNetwork(seed: 6)
        let (top, cell) = (network.messenger(hub), network.messenger(tunis, dialling: [hub]))
        top.answersEcho()
        top.start()
        cell.start()
        try await eventually("contact") { cell.has(hub) && top.has(tunis) }
        network.cut(hub, tunis, oneWay: true)
        await #expect(throws: MessagingError.timeout) { try await cell.ask(hub, timeout: .seconds(1)) }
        try await eventually("answered, and not heard") { top.counters.answered == 1 }
    }

    @Test func everyCallEndsUnderBadFaults() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let network = MemoryNetwork(seed: seed, faults: .bad())
        let (top, cell) = (network.messenger(hub), network.messenger(tunis, dialling: [hub]))
        top.answersEcho()
        top.start()
        cell.start()
        let answered = await withTaskGroup(of: Bool.self) { group in
            for number in UInt8(0)..<200 {
                group.addTask { (try? await cell.ask(.hub("top"), "echo/1", [number], timeout: .seconds(30))) == [number] }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered > 140, "seed \(seed)")
        #expect(answered + cell.counters.timedOut == 200, "seed \(seed)")
    }

    @Test func timeStandsStillWithAManualClock() async throws {
        let network = MemoryNetwork(seed: 7, clock: .manual)
        let (top, cell) = (network.messenger(hub), network.messenger(tunis, dialling: [hub]))
        top.start()
        cell.start()
        network.advance(by: .milliseconds(1))
        #expect(cell.has(hub))
        #expect(top.has(tunis))
        network.cut(hub, tunis)
        network.advance(by: .milliseconds(249))
        #expect(top.has(tunis))
        network.advance(by: .milliseconds(120))
        #expect(!top.has(tunis))
        #expect(!cell.has(hub))
        network.heal()
        network.advance(by: .milliseconds(100))
        #expect(top.has(tunis))
    }
}
