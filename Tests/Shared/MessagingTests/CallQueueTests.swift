import CellProtocol
import CloudModel
import Testing

@testable import Messaging

/// Whose call runs next.
@Suite struct CallQueueTests {
    private let a = PeerName(.host, "a.tunis")
    private let b = PeerName(.host, "b.tunis")

    private func queue(running: Int, ofOne: Int, waiting: Int = 100, waitingOfOne: Int = 100) -> CallQueue<String> {
        var limits = MessagingLimits()
        limits.runningCalls = running
        limits.runningCallsOfOnePeer = ofOne
        limits.waitingCalls = waiting
        limits.waitingCallsOfOnePeer = waitingOfOne
        return CallQueue(limits)
    }

    @Test func peersThatWaitTakeTurns() {
        var queue = queue(running: 1, ofOne: 1)
        #expect(queue.admit("a0", of: a) == .run)
        for number in 1...3 { #expect(queue.admit("a\(number)", of: a) == .wait) }
        #expect(queue.admit("b1", of: b) == .wait)
        #expect(queue.next() == nil)
        var order: [String] = []
        var current = a
        for _ in 0..<4 {
            queue.ended(current)
            guard let next = queue.next() else { break }
            order.append(next)
            current = next.hasPrefix("a") ? a : b
        }
        #expect(order == ["b1", "a1", "a2", "a3"])
        queue.ended(current)
        #expect(queue.next() == nil)
        #expect(queue.runningCount == 0)
        #expect(queue.waitingCount == 0)
    }

    @Test func aPeerAtItsLimitLeavesRoomForTheOthers() {
        var queue = queue(running: 3, ofOne: 2, waiting: 3, waitingOfOne: 2)
        #expect(queue.admit("a", of: a) == .run)
        #expect(queue.admit("a", of: a) == .run)
        #expect(queue.admit("a", of: a) == .wait)
        #expect(queue.admit("a", of: a) == .wait)
        #expect(queue.admit("a", of: a) == .refuse)
        #expect(queue.next() == nil)
        #expect(queue.admit("b", of: b) == .run)
        #expect(queue.admit("b", of: b) == .wait)
        #expect(queue.admit("b", of: b) == .refuse, "three wait in all")
        queue.ended(a)
        #expect(queue.next() != nil)
        #expect(queue.next() == nil)
    }

    @Test func allSimulatorsTogetherHaveALimitAndLeaveRoomForTheOthers() {
        let limits = MessagingLimits()
        var queue = CallQueue<Int>(limits)
        let simulators = ["sim", "lab"].map { PeerName.simulator($0, of: "tunis") }
        for number in 0..<limits.runningCallsOfSimulators { #expect(queue.admit(number, of: simulators[number % 2]) == .run) }
        for number in 0..<limits.waitingCallsOfSimulators { #expect(queue.admit(number, of: simulators[number % 2]) == .wait) }
        for simulator in simulators { #expect(queue.admit(0, of: simulator) == .refuse) }
        for number in 0..<limits.runningCallsOfOnePeer { #expect(queue.admit(number, of: a) == .run) }
        for number in 0..<limits.waitingCallsOfOnePeer { #expect(queue.admit(number, of: a) == .wait) }
        #expect(queue.admit(0, of: a) == .refuse)
    }

    @Test(arguments: 0..<20) func nothingIsLostOrStartedTwice(seed: UInt64) {
        var random = SeededRandom(seed: seed, for: "call queue")
        let peers = (0..<4).map { PeerName(.host, "\($0)") }
        var queue = queue(running: 5, ofOne: 2, waiting: 12, waitingOfOne: 5)
        var running: [PeerName] = []
        var (admitted, ran) = (0, 0)
        for _ in 0..<2_000 {
            if Bool.random(using: &random) || running.isEmpty {
                let peer = peers[Int.random(in: 0..<4, using: &random)]
                switch queue.admit(peer.name, of: peer) {
                case .run:
                    running.append(peer)
                    (admitted, ran) = (admitted + 1, ran + 1)
                case .wait: admitted += 1
                case .refuse: break
                }
            } else {
                queue.ended(running.remove(at: Int.random(in: 0..<running.count, using: &random)))
            }
            while let next = queue.next() {
                running.append(PeerName(.host, next))
                ran += 1
            }
            #expect(running.count == queue.runningCount && running.count <= 5)
            for peer in peers { #expect(running.filter { $0 == peer }.count <= 2) }
            #expect(admitted - ran == queue.waitingCount)
        }
    }
}
