import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// What both transports must do alike.
@Suite(.timeLimit(.minutes(8))) struct MessengerContractTests {
    let tunis = PeerName.cell("tunis")
    let top = PeerName.hub("top")

    @Test(arguments: Transport.allCases) func aCallIsAnsweredInBothDirections(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            hub.answersEcho()
            cell.answersEcho()
            try hub.start()
            try cell.start()
            #expect(try await cell.ask(hub.name, "echo/1", [7]) == [7])
            #expect(try await hub.ask(tunis, "echo/1", [8]) == [8])
        }
    }

    @Test(arguments: Transport.allCases) func aHandlerSeesWhoAsksAndForWhichRequest(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            let seen = Notes<IncomingMessage>()
            hub.handle("look/1", from: [.cell]) { message in
                seen.add(message)
                return []
            }
            try hub.start()
            try cell.start()
            _ = try await cell.call(hub.name, kind: "look/1", body: [1], lane: .bulk, request: "req-1", timeout: .seconds(120))
            let message = try #require(seen.all.first)
            #expect(message.from == tunis)
            #expect(message.request == "req-1")
            #expect(message.kind == "look/1")
            #expect(message.deadline <= .seconds(120))
            #expect(message.deadline > .seconds(1))
        }
    }

    @Test(arguments: Transport.allCases) func typedMessagesCrossAsValues(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            let told = Notes<String>()
            hub.on(Question.self, from: [.cell]) { question, _ in Answer(text: question.text + "!") }
            hub.on(Remark.self, from: [.cell]) { remark, _ in told.add(remark.text) }
            try hub.start()
            try cell.start()
            #expect(try await cell.call(Question(text: "well"), to: hub.name, timeout: .seconds(120)).text == "well!")
            cell.cast(Remark(text: "so"), to: hub.name)
            try await eventually("the remark arrives") { told.all == ["so"] }
            await #expect(throws: MessagingError.refused(.badRequest, "The body of question/1 can't be read.")) {
                _ = try await cell.ask(hub.name, "question/1", Array("{".utf8))
            }
            #expect(hub.counters.malformed == 1)
        }
    }

    @Test(arguments: Transport.allCases) func castsOfOnePeerAreHandledInTheirOrder(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            let seen = Notes<UInt8>()
            hub.handle("count/1", from: [.cell]) { message in
                seen.add(message.body[0])
                return []
            }
            try hub.start()
            try cell.start()
            for number in 0..<200 { cell.tell(hub.name, "count/1", [UInt8(number)]) }
            try await eventually("all came") { seen.count == 200 }
            #expect(seen.all == Array(0..<200))
        }
    }

    @Test(arguments: Transport.allCases) func aRefusalTravelsWithItsCodeAndSentence(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            hub.handle("refuse/1", from: [.cell]) { _ in throw CloudError(.overQuota, "No more cores.", detail: "secret") }
            hub.handle("break/1", from: [.cell]) { _ in throw POSIXError(.EIO) }
            try hub.start()
            try cell.start()
            await #expect(throws: MessagingError.refused(.overQuota, "No more cores.")) {
                try await cell.ask(hub.name, "refuse/1")
            }
            await #expect(throws: MessagingError.refused(.internalError, "hub:top failed to answer break/1; its log says why."))
            {
                try await cell.ask(hub.name, "break/1")
            }
            #expect(hub.counters.failed == 1)
        }
    }

    @Test(arguments: Transport.allCases) func whatARoleMayNotSayIsRefusedAndCounted(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, host) = (try stage.hub(), try stage.peer(.host("compute-1.tunis")))
            hub.handle("hub-only/1", from: [.cell]) { _ in [] }
            hub.answersEcho()
            try hub.start()
            try host.start()
            await #expect(throws: MessagingError.refused(.forbidden, "A host may not say hub-only/1.")) {
                try await host.ask(hub.name, "hub-only/1")
            }
            await #expect(throws: MessagingError.refused(.notImplemented, "Nobody here answers nothing/1.")) {
                try await host.ask(hub.name, "nothing/1")
            }
            host.tell(hub.name, "hub-only/1")
            try await eventually("the cast is counted") { hub.counters.forbidden == 2 }
            #expect(hub.counters.unknownKind == 1)
            #expect(try await host.ask(hub.name) == [1, 2, 3])
        }
    }

    @Test(arguments: Transport.allCases) func anUnansweredCallEndsAtItsDeadlineAndSoDoesItsHandler(_ transport: Transport)
        async throws
    {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            let ended = Notes<Bool>()
            hub.handle("never/1", from: [.cell]) { _ in
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    ended.add(Task.isCancelled)
                }
                return []
            }
            try hub.start()
            try cell.start()
            try await eventually("joined") { cell.has(hub.name) }
            await #expect(throws: MessagingError.timeout) { try await cell.ask(hub.name, "never/1", timeout: .seconds(1)) }
            #expect(cell.counters.timedOut == 1)
            try await eventually("the handler is cancelled") { ended.all == [true] }
        }
    }

    @Test(arguments: Transport.allCases) func aCancelledCallFreesItsSlotAtOnce(_ transport: Transport) async throws {
        try await transport.perform { stage in
            var limits = MessagingLimits()
            limits.outstandingCalls = 1
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis, limits: limits))
            let gate = Gate()
            let asked = Notes<Bool>()
            hub.handle("wait/1", from: [.cell]) { _ in
                asked.add(true)
                try await gate.pass()
                return []
            }
            hub.answersEcho()
            try hub.start()
            try cell.start()
            let waiting = Task { try await cell.ask(hub.name, "wait/1", timeout: .seconds(120)) }
            try await eventually("asked") { asked.count == 1 }
            await #expect(throws: MessagingError.overloaded) { try await cell.ask(hub.name) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(try await cell.ask(hub.name) == [1, 2, 3])
            await gate.open()
            try await eventually("the late reply is counted") { cell.counters.lateReplies == 1 }
        }
    }

    @Test(arguments: Transport.allCases) func anUnknownPeerIsUnreachableAtOnce(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let hub = try stage.hub()
            try hub.start()
            await #expect(throws: MessagingError.unreachable(tunis)) { try await hub.ask(tunis, timeout: .seconds(120)) }
            hub.tell(tunis, "echo/1")
            try await eventually("the cast is counted") { hub.counters.undeliverable == 2 }
        }
    }

    @Test(arguments: Transport.allCases) func aCallToAPeerThatWeDialWaitsForIt(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let cell = try stage.peer(tunis)
            try cell.start()
            let early = Task { try await cell.ask(top, timeout: .seconds(120)) }
            await #expect(throws: MessagingError.timeout) {
                try await cell.ask(top, timeout: .milliseconds(50))
            }
            let hub = try stage.hub()
            hub.answersEcho()
            try hub.start()
            #expect(try await early.value == [1, 2, 3])
        }
    }

    @Test(arguments: Transport.allCases) func aMessageOverTheLimitIsRefusedAndBreaksNothing(_ transport: Transport) async throws
    {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            hub.answersEcho()
            hub.handle("huge/1", from: [.cell]) { _ in [UInt8](repeating: 0, count: 1 << 20 + 1) }
            try hub.start()
            try cell.start()
            let huge = [UInt8](repeating: 7, count: 1 << 20 + 1)
            await #expect(throws: MessagingError.tooLarge(bytes: 1 << 20 + 1, limit: 1 << 20)) {
                try await cell.ask(hub.name, "echo/1", huge)
            }
            cell.tell(hub.name, "echo/1", huge)
            #expect(cell.counters.tooLarge == 2)
            let largest = [UInt8](repeating: 7, count: 1 << 20)
            #expect(try await cell.ask(hub.name, "echo/1", largest) == largest)
            let snapshot = [UInt8](repeating: 7, count: 8 << 20)
            #expect(
                try await cell.call(hub.name, kind: "echo/1", body: snapshot, lane: .bulk, request: nil, timeout: .seconds(120))
                    == snapshot)
            await #expect(throws: MessagingError.refused(.tooLarge, "The answer has 1048577 bytes; 1048576 are allowed.")) {
                try await cell.ask(hub.name, "huge/1")
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func aMessageOfAPeerOverTheLimitIsRefusedCountedAndBreaksNothing(_ transport: Transport) async throws {
        try await transport.perform { stage in
            var generous = MessagingLimits()
            generous.controlBytes = 4 << 20
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis, limits: generous))
            let casts = Notes<Int>()
            hub.answersEcho()
            hub.handle("remark/1", from: [.cell]) { message in
                casts.add(message.body.count)
                return []
            }
            cell.handle("huge/1", from: [.hub]) { _ in [UInt8](repeating: 0, count: 3 << 19) }
            try hub.start()
            try cell.start()
            try await eventually("joined") { cell.has(hub.name) && hub.has(tunis) }
            let huge = [UInt8](repeating: 7, count: 3 << 19)
            let error = await #expect(throws: MessagingError.self) { try await cell.ask(hub.name, "echo/1", huge) }
            guard case .refused(.tooLarge, let sentence)? = error else { return #expect(Bool(false), "\(error as Any)") }
            #expect(sentence.hasSuffix("1048576 are allowed."))
            cell.tell(hub.name, "remark/1", huge)
            try await eventually("both are counted") { hub.counters.oversized == 2 }
            // An answer over it ends the call at once.
            let answer = await #expect(throws: MessagingError.self) { try await hub.ask(tunis, "huge/1") }
            guard case .tooLarge? = answer else { return #expect(Bool(false), "\(answer as Any)") }
            #expect(hub.counters.oversized == 3)
            #expect(try await cell.ask(hub.name) == [1, 2, 3])
            cell.tell(hub.name, "remark/1", [1])
            try await eventually("the next cast is taken") { casts.all == [1] }
            #expect(hub.counters.malformed == 0)
            #expect(hub.counters.reconnected == 0)
        }
    }

    @Test(arguments: Transport.allCases) func onePeerThatFillsItsShareShutsNobodyOut(_ transport: Transport) async throws {
        try await transport.perform { stage in
            var limits = MessagingLimits()
            limits.runningCalls = 3
            limits.runningCallsOfOnePeer = 2
            limits.waitingCalls = 100
            limits.waitingCallsOfOnePeer = 4
            let hub = try stage.hub(limits: limits)
            let (greedy, modest) = (try stage.peer(.cell("london")), try stage.peer(tunis))
            let gate = Gate()
            let started = Notes<Bool>()
            hub.answersEcho()
            hub.handle("wait/1", from: [.cell]) { _ in
                started.add(true)
                try await gate.pass()
                return [1]
            }
            try hub.start()
            try greedy.start()
            try modest.start()
            try await eventually("joined") { greedy.has(hub.name) && modest.has(hub.name) }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        do {
                            return try await greedy.ask(top, "wait/1") == [1]
                        } catch MessagingError.overloaded {
                            return false
                        }
                    }
                }
                for _ in 0..<4 { #expect(try await group.next() == false) }
                // The refusals may come before the tasks of those that run have begun.
                try await eventually("two run") { started.count >= 2 }
                #expect(started.count == 2)
                for number in 0..<10 { #expect(try await modest.ask(hub.name, "echo/1", [UInt8(number)]) == [UInt8(number)]) }
                await gate.open()
                for try await isAnswered in group { #expect(isAnswered) }
            }
            #expect(started.count == 6)
            #expect(hub.counters.overloaded == 4)
        }
    }

    @Test(arguments: Transport.allCases) func moreCallsThanMayRunWaitAndMoreThanMayWaitAreTurnedAway(_ transport: Transport)
        async throws
    {
        try await transport.perform { stage in
            var limits = MessagingLimits()
            limits.runningCalls = 2
            limits.waitingCalls = 3
            let (hub, cell) = (try stage.hub(limits: limits), try stage.peer(tunis))
            let gate = Gate()
            let started = Notes<Bool>()
            hub.handle("wait/1", from: [.cell]) { _ in
                started.add(true)
                try await gate.pass()
                return [1]
            }
            try hub.start()
            try cell.start()
            try await eventually("joined") { cell.has(hub.name) }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        do {
                            return try await cell.ask(top, "wait/1", timeout: .seconds(120)) == [1]
                        } catch MessagingError.overloaded {
                            return false
                        }
                    }
                }
                var turnedAway = 0
                for _ in 0..<5 where try await group.next() == false { turnedAway += 1 }
                #expect(turnedAway == 5)
                // As above: who is turned away may hear of it first.
                try await eventually("two run") { started.count >= 2 }
                #expect(started.count == 2)
                await gate.open()
                for try await isAnswered in group where !isAnswered { Issue.record("a waiting call was turned away") }
            }
            #expect(started.count == 5)
            #expect(hub.counters.overloaded == 5)
        }
    }

    @Test(arguments: Transport.allCases) func stoppingFailsWhatWaits(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let cell = try stage.peer(tunis)
            try cell.start()
            let waiting = Task { try await cell.ask(top, timeout: .seconds(120)) }
            try await eventually("sent") { cell.counters.sent > 0 }
            cell.stop()
            await #expect(throws: MessagingError.unreachable(top)) { try await waiting.value }
            await #expect(throws: MessagingError.unreachable(top)) {
                try await cell.ask(top)
            }
        }
    }

    @Test(arguments: Transport.allCases) func tenThousandCallsAreAllAnswered(_ transport: Transport) async throws {
        try await transport.perform { stage in
            let (hub, cell) = (try stage.hub(), try stage.peer(tunis))
            hub.answersEcho()
            try hub.start()
            try cell.start()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<100 {
                    group.addTask {
                        for number in 0..<100 {
                            let body = [UInt8(worker), UInt8(number)]
                            let answer = try await cell.ask(top, "echo/1", body, timeout: .seconds(120))
                            #expect(answer == body)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(hub.counters.answered == 10_000)
            #expect(hub.counters.duplicates == 0)
        }
    }
}

private struct Question: CellCall {
    static let kind = "question/1"
    typealias Reply = Answer
    let text: String
}

private struct Answer: Codable, Sendable {
    let text: String
}

private struct Remark: CellCast {
    static let kind = "remark/1"
    let text: String
}
