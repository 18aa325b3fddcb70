import CellProtocol
import CloudModel
import Logging
import Messaging
import Testing

@testable import SuperScheduler

/// What tenants write makes intents long: a batch of them that is no message still reaches its cell.
@Suite(.timeLimit(.minutes(3))) struct HandOverTests {
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A hub and a cell that stores everything and notes how it came.
    private func withCell(_ body: (MemoryMessenger, Came) async throws -> Void) async throws {
        let network = MemoryNetwork(seed: 1)
        let hub = network.messenger(.hub("meridian"), logger: log)
        let cell = network.messenger(.cell("tunis"), dialling: [.hub("meridian")], logger: log)
        let came = Came()
        cell.on(PerformIntent.self, from: [.hub]) { message, _ in
            await came.note(message.intents.map(\.server))
            return PerformIntent.Reply(answers: message.intents.map { _ in .stored })
        }
        cell.on(ReserveHost.self, from: [.hub]) { message, _ in
            await came.note(message.requests.map(\.server))
            return ReserveHost.Reply(
                answers: message.requests.map { _ in .reserved(host: "compute-1.tunis", elimination: Elimination()) })
        }
        hub.start()
        cell.start()
        defer {
            hub.stop()
            cell.stop()
        }
        while !hub.peers.contains(where: { $0.peer == .cell("tunis") }) { try await Task.sleep(for: .milliseconds(5)) }
        try await body(hub, came)
    }

    private actor Came {
        private(set) var messages: [[ServerID]] = []
        func note(_ servers: [ServerID]) { messages.append(servers) }
    }

    private func spec(metadata bytes: Int) -> ServerSpec {
        ServerSpec(
            name: "s", hostname: "s", project: "p", user: "u", flavor: Flavor(id: "1", name: "m1", vcpus: 1, ram: 64, disk: 1),
            image: nil, metadata: ["a": String(repeating: "x", count: bytes)])
    }

    private func intent(metadata bytes: Int) -> PerformIntent.Intent {
        PerformIntent.Intent(
            id: .random(), server: .random(), epoch: PlacementEpoch(1), number: 1, order: .create(spec(metadata: bytes)),
            request: nil, deadline: nil)
    }

    @Test func sixtyFourCreatesWithAllTheMetadataThereMayBeArrive() async throws {
        try await withCell { hub, came in
            let intents = (0..<64).map { _ in intent(metadata: 24_000) }
            let answers = try await HandOver(messenger: hub, log: log)(intents, to: "tunis", timeout: .seconds(20))
            #expect(answers == Array(repeating: .stored, count: 64))
            #expect(await came.messages.flatMap { $0 } == intents.map(\.server))
            #expect(await came.messages.count == 2)
        }
    }

    @Test func anIntentThatNoMessageCarriesWaitsAndTheOthersDoNot() async throws {
        try await withCell { hub, came in
            var intents = (0..<5).map { _ in intent(metadata: 10) }
            intents[2] = intent(metadata: 2 << 20)
            let answers = try await HandOver(messenger: hub, log: log)(intents, to: "tunis", timeout: .seconds(20))
            #expect(answers.filter { $0 == .stored }.count == 4)
            guard case .notNow = answers[2] else { return #expect(Bool(false), "\(answers[2])") }
            #expect(Set(await came.messages.flatMap { $0 }) == Set(intents.map(\.server)).subtracting([intents[2].server]))
        }
    }

    @Test func aServerThatNoMessageCarriesFindsNoRoomAndTheOthersDo() async throws {
        try await withCell { hub, _ in
            var requests = (0..<64).map { _ in
                ReserveHost.Request(server: .random(), epoch: PlacementEpoch(1), spec: spec(metadata: 24_000))
            }
            requests[9].spec = spec(metadata: 2 << 20)
            let answers = try await AskForRoom(messenger: hub, log: log)(requests, in: "tunis", timeout: .seconds(20))
            #expect(answers.count == 64)
            for (index, answer) in answers.enumerated() {
                switch answer {
                case .reserved: #expect(index != 9)
                case .noRoom: #expect(index == 9)
                }
            }
        }
    }
}
