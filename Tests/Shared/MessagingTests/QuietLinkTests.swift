import CellProtocol
import CloudModel
import Testing

@testable import Messaging

/// A link whose next message may be long in coming.
@Suite(.timeLimit(.minutes(8))) struct QuietLinkTests {
    /// Calls both ways and then silence, many times, over a link with no heartbeat that would rouse it: none lies unheard.
    @Test func noMessageLiesUntilTheNextOne() async throws {
        let tunis = PeerName.cell("tunis")
        let (hubKeys, keys) = (CurveKeyPair.generate(), CurveKeyPair.generate())
        let hub = try ZeroMQMessenger(
            .init(
                name: .hub("top"), keys: hubKeys,
                listen: [Listener(control: "tcp://127.0.0.1:0", enrolment: Enrolment(keys: [tunis: keys.publicKey]))],
                heartbeat: .seconds(600)), logger: quietLogger, reactor: try Reactor())
        defer { hub.stop() }
        let cell = try ZeroMQMessenger(
            .init(
                name: tunis, keys: keys,
                dial: [Dial(peer: hub.name, control: hub.boundEndpoints[0].control, serverKey: hubKeys.publicKey)],
                heartbeat: .seconds(600)), logger: quietLogger, reactor: try Reactor())
        defer { cell.stop() }
        for messenger in [hub, cell] {
            messenger.answersEcho()
            try messenger.start()
        }
        try await eventually("contact") { hub.has(tunis) && cell.has(hub.name) }
        for _ in 0..<2_000 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { _ = try await hub.ask(tunis, timeout: .seconds(30)) }
                    group.addTask { _ = try await cell.ask(hub.name, timeout: .seconds(30)) }
                }
                try await group.waitForAll()
            }
        }
    }
}
