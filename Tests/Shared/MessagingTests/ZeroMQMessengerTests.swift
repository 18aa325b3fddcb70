import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// What only the real transport can get wrong: keys, names, raw bytes, connections.
@Suite(.timeLimit(.minutes(8))) struct ZeroMQMessengerTests {
    private let tunis = PeerName.cell("tunis")
    private let london = PeerName.cell("london")

    private func withHub(
        limits: MessagingLimits = MessagingLimits(), _ body: (ZeroMQFixture, any TestedMessenger) async throws -> Void
    ) async throws {
        let stage = try ZeroMQFixture()
        defer { stage.stop() }
        let hub = try stage.hub(limits: limits)
        hub.answersEcho()
        try hub.start()
        try await body(stage, hub)
    }

    private func heartbeat(lane: Lane = .control) -> [UInt8] {
        let body = Heartbeat(incarnation: 5, number: 1, echo: 0, echoedIncarnation: 0).encoded
        return Envelope(.heartbeat, lane: lane, id: 1, milliseconds: 1_000, body: body).encoded() ?? []
    }

    private func call(_ body: [UInt8], id: UInt64) -> [UInt8] {
        Envelope(.call, lane: .control, id: id, milliseconds: 5_000, kind: "echo/1", body: body).encoded() ?? []
    }

    @Test func aKeyThatIsNotEnrolledIsRefusedAndCounted() async throws {
        try await withHub { stage, hub in
            let stranger = try RawPeer(stage.directControl, keys: .generate(), serverKey: stage.hubKeys.publicKey)
            try await eventually("refused") { hub.counters.unknownKeys >= 1 }
            #expect(stranger.receive(milliseconds: 200) == nil)
            #expect(hub.counters.received == 0)
            let cell = try stage.peer(tunis)
            try cell.start()
            #expect(try await cell.ask(hub.name) == [1, 2, 3])
        }
    }

    @Test func whoseKeyWasTakenAwayIsNotHeardOverAConnectionThatIsOpen() async throws {
        let (hubKeys, old, new) = (CurveKeyPair.generate(), CurveKeyPair.generate(), CurveKeyPair.generate())
        let roster = KeyRoster()
        roster.replace(with: [try #require(CurvePublicKey(old.publicKey)): tunis])
        let hub = try ZeroMQMessenger(
            .init(
                name: .hub("top"), keys: hubKeys,
                listen: [
                    Listener(control: "tcp://127.0.0.1:0", enrolment: Enrolment(directory: "/nonexistent", roster: roster))
                ], heartbeat: testHeartbeat), logger: quietLogger)
        defer { hub.stop() }
        hub.answersEcho()
        try hub.start()
        let endpoint = hub.boundEndpoints[0].control
        func cell(_ keys: CurveKeyPair) throws -> ZeroMQMessenger {
            let cell = try ZeroMQMessenger(
                .init(
                    name: tunis, keys: keys,
                    dial: [Dial(peer: .hub("top"), control: endpoint, serverKey: hubKeys.publicKey)], heartbeat: testHeartbeat),
                logger: quietLogger)
            try cell.start()
            return cell
        }
        let thief = try cell(old)
        defer { thief.stop() }
        #expect(try await thief.ask(.hub("top")) == [1, 2, 3])

        roster.replace(with: [try #require(CurvePublicKey(new.publicKey)): tunis])
        let owner = try cell(new)
        defer { owner.stop() }
        #expect(try await owner.ask(.hub("top"), timeout: .seconds(60)) == [1, 2, 3])
        await #expect(throws: MessagingError.self) { try await thief.ask(.hub("top"), timeout: .seconds(1)) }
        // Nor when the new one falls silent: the name isn't his any more.
        owner.stop()
        let silence = testHeartbeat * (MessagingLimits().silentAfter + 1)
        try await eventually("silent") { hub.contact(tunis).map { $0 > silence } ?? true }
        let before = hub.counters.unknownKeys
        try await eventually("refused") { hub.counters.unknownKeys > before }
        await #expect(throws: MessagingError.self) { try await thief.ask(.hub("top"), timeout: .seconds(1)) }
    }

    @Test func aPeerThatIsEnrolledLaterGetsInWithoutARestart() async throws {
        try await withHub { stage, hub in
            let pair = CurveKeyPair.generate()
            let cell = try ZeroMQMessenger(
                .init(
                    name: tunis, keys: pair,
                    dial: [Dial(peer: hub.name, control: stage.directControl, serverKey: stage.hubKeys.publicKey)],
                    heartbeat: testHeartbeat),
                logger: quietLogger)
            defer { cell.stop() }
            try cell.start()
            try await eventually("refused") { hub.counters.unknownKeys > 0 }
            try pair.writePublicKey(to: "\(stage.folder)/cell_tunis.key")
            #expect(try await cell.ask(hub.name, timeout: .seconds(120)) == [1, 2, 3])
        }
    }

    @Test func aHubWithAnotherKeyIsNotBelieved() async throws {
        try await withHub { stage, hub in
            let cell = try ZeroMQMessenger(
                .init(
                    name: tunis, keys: try stage.enrol(tunis),
                    dial: [Dial(peer: hub.name, control: stage.directControl, serverKey: CurveKeyPair.generate().publicKey)],
                    heartbeat: testHeartbeat), logger: quietLogger)
            defer { cell.stop() }
            try cell.start()
            await #expect(throws: MessagingError.timeout) { try await cell.ask(hub.name, timeout: .milliseconds(500)) }
        }
    }

    @Test func aNameCannotBeClaimed() async throws {
        try await withHub { stage, hub in
            let seen = Notes<PeerName>()
            hub.handle("look/1", from: [.cell]) { message in
                seen.add(message.from)
                return []
            }
            let (first, second) = (try stage.peer(tunis), try stage.peer(london))
            second.handle("who/1", from: [.hub]) { _ in [2] }
            first.handle("who/1", from: [.hub]) { _ in [1] }
            try first.start()
            try second.start()
            _ = try await first.ask(hub.name, "look/1")
            _ = try await second.ask(hub.name, "look/1")
            #expect(seen.all == [tunis, london])

            // A peer of ours that calls itself somebody else still speaks with its own key.
            let liar = try ZeroMQMessenger(
                .init(
                    name: tunis, keys: try stage.enrol(.cell("paris")),
                    dial: [Dial(peer: hub.name, control: stage.directControl, serverKey: stage.hubKeys.publicKey)],
                    heartbeat: testHeartbeat),
                logger: quietLogger)
            defer { liar.stop() }
            try liar.start()
            _ = try await liar.ask(hub.name, "look/1")
            #expect(seen.all.last == .cell("paris"))
            #expect(try await hub.ask(tunis, "who/1") == [1])
        }
    }

    @Test func aRoutingIDOfItsOwnIsRefused() async throws {
        try await withHub { stage, hub in
            let villain = try RawPeer(
                stage.directControl, keys: try stage.enrol(tunis), serverKey: stage.hubKeys.publicKey, routingID: "cell:london")
            villain.send(heartbeat())
            try await eventually("refused") { hub.counters.malformed == 1 }
            #expect(hub.peers.isEmpty)
            await #expect(throws: MessagingError.unreachable(tunis)) { try await hub.ask(tunis) }
        }
    }

    @Test func malformedMessagesAreCountedAndBreakNothing() async throws {
        try await withHub { stage, hub in
            let cell = try stage.peer(london)
            cell.answersEcho()
            try cell.start()
            try await eventually("contact") { hub.has(london) }
            let villain = try RawPeer(stage.directControl, keys: try stage.enrol(tunis), serverKey: stage.hubKeys.publicKey)
            var future = call([], id: 1)
            future[0] = 2
            let bad: [[UInt8]] = [
                [], [1], [UInt8](repeating: 0xff, count: 100), future, heartbeat(lane: .bulk), heartbeat().dropLast(1),
            ]
            for bytes in bad { villain.send(bytes) }
            villain.send(call([], id: 2), [1, 2, 3])
            villain.send([1], [2], [3])
            try await eventually("all are counted") { hub.counters.malformed == bad.count + 2 }
            villain.send(call([9], id: 3))
            let answer = try #require(try await villain.answer())
            #expect(try answer.withUnsafeBytes { try Envelope(reading: $0, on: .control) }.body == [9])
            #expect(try await hub.ask(london) == [1, 2, 3])
        }
    }

    @Test func whatIsOverTheLimitIsRefusedByNameOverTheSameConnection() async throws {
        try await withHub { stage, hub in
            let villain = try RawPeer(stage.directControl, keys: try stage.enrol(tunis), serverKey: stage.hubKeys.publicKey)
            villain.send(heartbeat())
            #expect(try await villain.answer() != nil)
            let admitted = hub.counters.admitted
            villain.send(call([UInt8](repeating: 1, count: 3 << 19), id: 1))
            let refusal = try #require(try await villain.answer())
            let envelope = try refusal.withUnsafeBytes { try Envelope(reading: $0, on: .control) }
            #expect(envelope.type == .error)
            #expect(envelope.id == 1)
            #expect(hub.counters.oversized == 1)
            // Bytes that are no message at all are counted as what they are.
            villain.send([UInt8](repeating: 0xff, count: 3 << 19))
            try await eventually("counted") { hub.counters.malformed == 1 && hub.counters.oversized == 2 }
            villain.send(call([9], id: 2))
            let answer = try #require(try await villain.answer())
            #expect(try answer.withUnsafeBytes { try Envelope(reading: $0, on: .control) }.body == [9])
            #expect(hub.counters.admitted == admitted)
        }
    }

    @Test func whatIsTooLargeForTheWireClosesOnlyItsOwnConnection() async throws {
        try await withHub { stage, hub in
            let cell = try stage.peer(london)
            cell.answersEcho()
            try cell.start()
            try await eventually("contact") { hub.has(london) }
            let admitted = hub.counters.admitted
            let villain = try RawPeer(stage.directControl, keys: try stage.enrol(tunis), serverKey: stage.hubKeys.publicKey)
            villain.send(heartbeat())
            #expect(try await villain.answer() != nil)
            villain.send(call([UInt8](repeating: 1, count: 3 << 20), id: 1))
            try await eventually("it has to connect again") { hub.counters.admitted >= admitted + 2 }
            #expect(try await hub.ask(london) == [1, 2, 3])
            #expect(hub.counters.answered == 0)
            try await eventually("and may go on") {
                villain.send(self.call([9], id: 2))
                return villain.receive(milliseconds: 200) != nil
            }
            #expect(hub.counters.reconnected > 0, "and its return is counted")
        }
    }

    @Test func ofTwoProcessesWithOneKeyTheNewestIsHeard() async throws {
        var limits = MessagingLimits()
        limits.silentAfter = 30
        try await withHub(limits: limits) { stage, hub in
            let (first, second) = (try stage.peer(tunis), try stage.peer(tunis))
            first.handle("who/1", from: [.hub]) { _ in [1] }
            second.handle("who/1", from: [.hub]) { _ in [2] }
            try first.start()
            _ = try await first.ask(hub.name)
            #expect(try await hub.ask(tunis, "who/1") == [1])
            try second.start()
            _ = try await second.ask(hub.name)
            #expect(try await hub.ask(tunis, "who/1") == [2])
            await #expect(throws: MessagingError.timeout) { try await first.ask(hub.name, timeout: .milliseconds(100)) }
            #expect(hub.counters.superseded > 0)
            #expect(try await hub.ask(tunis, "who/1") == [2])
            try await eventually("the first hears nothing any more") { !first.has(hub.name) }
            second.stop()
            try await eventually("the one that remains is heard again") {
                (try? await hub.ask(tunis, "who/1", timeout: .milliseconds(100))) == [1]
            }
        }
    }

    @Test func aPeerThatIsGoneIsUnreachableAtOnce() async throws {
        try await withHub { stage, hub in
            let cell = try stage.peer(tunis)
            try cell.start()
            try await eventually("contact") { hub.has(tunis) }
            cell.stop()
            try await eventually("gone") {
                do {
                    _ = try await hub.ask(tunis, timeout: .milliseconds(50))
                } catch MessagingError.unreachable(tunis) {
                    return true
                } catch {}
                return false
            }
        }
    }

    @Test func anEndpointThatIsTakenIsNamed() async throws {
        try await withHub { stage, _ in
            let error = #expect(throws: CloudError.self) {
                try ZeroMQMessenger(
                    .init(
                        name: .hub("other"), keys: .generate(),
                        listen: [Listener(control: stage.directControl, enrolment: Enrolment(keys: [:]))]), logger: quietLogger)
            }
            #expect(error?.message.contains(stage.directControl) == true)
        }
    }

    @Test func aWrongConfigurationIsRefusedWithASentence() {
        let dial = Dial(peer: tunis, control: "tcp://127.0.0.1:1", serverKey: CurveKeyPair.generate().publicKey)
        var wrong = dial
        wrong.serverKey = "none"
        for dials in [[dial, dial], [wrong]] {
            #expect(throws: CloudError.self) {
                try ZeroMQMessenger(.init(name: london, keys: .generate(), dial: dials), logger: quietLogger)
            }
        }
    }

    @Test func portZeroTakesAFreePort() throws {
        let listener = Listener(control: "tcp://127.0.0.1:0", bulk: "tcp://127.0.0.1:0", enrolment: Enrolment(keys: [:]))
        let hub = try ZeroMQMessenger(.init(name: .hub("top"), keys: .generate(), listen: [listener]), logger: quietLogger)
        defer { hub.stop() }
        let bound = try #require(hub.boundEndpoints.first)
        #expect(bound.control.hasPrefix("tcp://127.0.0.1:"))
        #expect(!bound.control.hasSuffix(":0"))
        #expect(bound.bulk != bound.control)
    }

    @Test func aMessengerThatIsDroppedGivesItsPortBack() async throws {
        func bind(_ endpoint: String) throws -> String? {
            let listener = Listener(control: endpoint, enrolment: Enrolment(keys: [:]))
            let hub = try ZeroMQMessenger(.init(name: .hub("top"), keys: .generate(), listen: [listener]), logger: quietLogger)
            return hub.boundEndpoints.first?.control
        }
        let endpoint = try #require(try bind("tcp://127.0.0.1:\(try Relay.freePort())"))
        try await eventually("bound again") { (try? bind(endpoint)) == endpoint }
    }

    @Test func peersThatComeAndGoDuringAStormLeaveNothingWaiting() async throws {
        try await withHub { stage, hub in
            let names = (1...5).map { PeerName(.host, "h\($0)") }
            let storm = Task {
                var ended = 0
                while !Task.isCancelled {
                    await withTaskGroup(of: Void.self) { group in
                        for name in names { group.addTask { _ = try? await hub.ask(name, timeout: .milliseconds(200)) } }
                    }
                    ended += names.count
                    try? await Task.sleep(for: .milliseconds(1))
                }
                return ended
            }
            for round in 0..<10 {
                let name = names[round % names.count]
                let (first, second) = (try stage.peer(name), try stage.peer(name))
                for peer in [first, second] {
                    peer.answersEcho()
                    try peer.start()
                    _ = try? await peer.ask(hub.name, timeout: .milliseconds(300))
                }
                first.stop()
                if round % 2 == 0 { second.stop() }
            }
            let last = try stage.peer(names[0])
            last.answersEcho()
            try last.start()
            try await eventually("reachable after all") { (try? await hub.ask(names[0], timeout: .milliseconds(200))) != nil }
            storm.cancel()
            #expect(await storm.value > 0)
        }
    }

    @Test func aReactorOfItsOwnEndsWithItsMessengers() async throws {
        let reactor = try Reactor()
        let hub = try ZeroMQMessenger(.init(name: .hub("top"), keys: .generate()), logger: quietLogger, reactor: reactor)
        try hub.start()
        hub.stop()
        await #expect(throws: MessagingError.unreachable(tunis)) { try await hub.ask(tunis) }
    }

    @Test func threeHundredPeersShareOneReactor() async throws {
        let count = 300
        let pairs = Dictionary(uniqueKeysWithValues: (0..<count).map { (PeerName(.host, "h\($0)"), CurveKeyPair.generate()) })
        let hubKeys = CurveKeyPair.generate()
        let hub = try ZeroMQMessenger(
            .init(
                name: tunis, keys: hubKeys,
                listen: [Listener(control: "tcp://127.0.0.1:0", enrolment: Enrolment(keys: pairs.mapValues { $0.publicKey }))],
                heartbeat: .seconds(1)), logger: quietLogger)
        defer { hub.stop() }
        try hub.start()
        let endpoint = hub.boundEndpoints[0].control
        let hosts = try pairs.map { name, keys in
            try ZeroMQMessenger(
                .init(
                    name: name, keys: keys, dial: [Dial(peer: tunis, control: endpoint, serverKey: hubKeys.publicKey)],
                    heartbeat: .seconds(1)), logger: quietLogger)
        }
        defer { for host in hosts { host.stop() } }
        for host in hosts {
            host.answersEcho()
            try host.start()
        }
        try await eventually("all in contact") { hub.peers.count == count }
        for host in hosts { #expect(try await hub.ask(host.name) == [1, 2, 3]) }
    }
}
