import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

/// The wire is read by neighbouring releases: these bytes may not change while the version is 1.
struct EnvelopeTests {
    private func read(_ bytes: [UInt8], on lane: Lane = .control) throws -> Envelope {
        try bytes.withUnsafeBytes { try Envelope(reading: $0, on: lane) }
    }

    @Test func aCallHasTheseBytes() throws {
        let call = Envelope(
            .call, lane: .control, id: 0x0102_0304_0506_0708, milliseconds: 2_000, kind: "reserve-host/1", request: "req-7",
            body: [0xff])
        let golden: [UInt8] =
            [1, 1, 0, 0, 0, 0, 0x07, 0xd0, 1, 2, 3, 4, 5, 6, 7, 8, 14] + Array("reserve-host/1".utf8) + [5]
            + Array("req-7".utf8) + [0xff]
        #expect(call.encoded() == golden)
        #expect(try read(golden) == call)
    }

    @Test func aReplyAndAHeartbeatHaveTheseBytes() throws {
        let reply = Envelope(.reply, lane: .bulk, id: 9, milliseconds: 0, body: [5, 6])
        #expect(reply.encoded() == [1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 5, 6])
        let beat = Heartbeat(incarnation: 1, number: 2, echo: 3, echoedIncarnation: 4)
        let golden: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4]
        #expect(beat.encoded == golden)
        #expect(try Heartbeat(reading: golden) == beat)
    }

    @Test func aMessageOfAMemberHasTheseBytes() throws {
        let call = Envelope(
            .call, lane: .control, id: 9, milliseconds: 0, kind: "a/1", request: "r", member: .host("sim-1.tunis"), body: [0xff]
        )
        let golden: [UInt8] =
            [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 3] + Array("a/1".utf8) + [1] + Array("r".utf8) + [16]
            + Array("host:sim-1.tunis".utf8) + [0xff]
        #expect(call.encoded() == golden)
        #expect(try read(golden) == call)
        for length in 0..<(golden.count - 1) {
            #expect(throws: MalformedMessage.self, "cut to \(length) bytes") { try read(Array(golden.prefix(length))) }
        }
        for (index, byte) in [(22, 0), (22, 131), (23, 0x48), (27, 0x3b)] as [(Int, UInt8)] {
            var bad = golden
            bad[index] = byte
            #expect(throws: MalformedMessage.self, "byte \(index) set to \(byte)") { try read(bad) }
        }
    }

    @Test func anErrorHasTheseBytes() throws {
        let bytes = Refusal.encode(.refused(.conflict, "Busy."))
        #expect(bytes == [8] + Array("conflictBusy.".utf8))
        #expect(try Refusal.decode(bytes) == .refused(.conflict, "Busy."))
        #expect(try Refusal.decode(Refusal.encode(.overloaded)) == .overloaded)
        #expect(try Refusal.decode([3] + Array("newOops.".utf8)) == .refused(.internalError, "Oops."))
        #expect(throws: MalformedMessage.self) { try Refusal.decode([]) }
        #expect(throws: MalformedMessage.self) { try Refusal.decode([200, 1]) }
    }

    @Test func theTimeLeftIsWrittenWhenItIsSent() throws {
        var frame = OutgoingFrame(
            to: Address(.hub("top")), lane: .control, type: .call, id: 1, expires: BootInstant(nanoseconds: 1_500_000_000),
            bytes: try #require(Envelope(.call, lane: .control, id: 1, milliseconds: 0, kind: "a/1").encoded()))
        let bytes = frame.stamped(at: BootInstant(nanoseconds: 500_000_001))
        #expect(try read(try #require(bytes)).milliseconds == 1_000)
        #expect(frame.stamped(at: BootInstant(nanoseconds: 1_500_000_000)) == nil)
    }

    @Test func aNameThatIsTooLongIsNotSent() {
        let kind = String(repeating: "k", count: 41)
        #expect(Envelope(.cast, lane: .control, id: 1, milliseconds: 0, kind: kind).encoded() == nil)
        let request = RequestID(rawValue: String(repeating: "r", count: 129))
        #expect(Envelope(.cast, lane: .control, id: 1, milliseconds: 0, kind: "a/1", request: request).encoded() == nil)
    }

    @Test func everyCutAndEveryWrongByteIsRefusedOrReadWithoutHarm() throws {
        let good = try #require(
            Envelope(.call, lane: .control, id: 7, milliseconds: 1, kind: "reserve-host/1", request: "req-1").encoded())
        for length in 0..<good.count {
            #expect(throws: MalformedMessage.self, "cut to \(length) bytes") { try read(Array(good.prefix(length))) }
        }
        for (index, byte) in [(0, 2), (1, 0), (1, 6), (2, 1), (16, 41), (16, 255), (31, 129)] as [(Int, UInt8)] {
            var bad = good
            bad[index] = byte
            #expect(throws: MalformedMessage.self, "byte \(index) set to \(byte)") { try read(bad) }
        }
        var notText = good
        notText[17] = 0xff
        #expect(throws: MalformedMessage.self) { try read(notText) }

        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            var noise = (0..<Int.random(in: 0..<64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            for (index, byte) in good.enumerated() where index < noise.count && random.happens(0.9) { noise[index] = byte }
            _ = try? read(noise)
            _ = try? Heartbeat(reading: noise)
            _ = try? Refusal.decode(noise)
        }
    }
}
