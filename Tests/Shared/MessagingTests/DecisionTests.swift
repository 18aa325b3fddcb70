import CellProtocol
import CloudModel
import Foundation
import Testing

@testable import Messaging

private func second(_ number: Double) -> BootInstant { BootInstant(nanoseconds: Int64(number * 1e9)) }

struct ContactTests {
    @Test func aRoundTripIsContactFromWhenItsFirstHalfWasSent() {
        var (here, there) = (Contact(incarnation: 1), Contact(incarnation: 2))
        #expect(there.received(here.beat(at: second(1))) == false)
        #expect(here.received(there.beat(at: second(2))) == true)
        #expect(here.lastRoundTrip == second(1))
        #expect(there.received(here.beat(at: second(3))) == true)
        #expect(there.lastRoundTrip == second(2))
        #expect(here.received(there.beat(at: second(4))) == false, "already in contact")
        #expect(here.lastRoundTrip == second(3))
    }

    @Test func aOneWayCutIsSilenceForTheSideThatStillHears() {
        var (here, there) = (Contact(incarnation: 1), Contact(incarnation: 2))
        _ = there.received(here.beat(at: second(1)))
        _ = here.received(there.beat(at: second(1)))
        for number in 2...9 {
            _ = here.beat(at: second(Double(number)))
            _ = here.received(there.beat(at: second(Double(number))))
        }
        #expect(here.lastRoundTrip == second(1))
        #expect(here.lapse(at: second(9), after: .seconds(5)) == true)
        #expect(here.lapse(at: second(10), after: .seconds(5)) == false, "told once")
        #expect(there.isJoined == false)
    }

    @Test func aReplacedPeerJoinsAgain() {
        var (here, there) = (Contact(incarnation: 1), Contact(incarnation: 2))
        _ = there.received(here.beat(at: second(1)))
        #expect(here.received(there.beat(at: second(1))) == true)
        var replaced = Contact(incarnation: 3)
        #expect(here.received(replaced.beat(at: second(2))) == false, "it has echoed nothing yet")
        _ = replaced.received(here.beat(at: second(3)))
        #expect(here.received(replaced.beat(at: second(3))) == true)
    }

    @Test func echoesOfAnotherProcessOrOfTheFutureProveNothing() {
        var here = Contact(incarnation: 1)
        _ = here.beat(at: second(1))
        #expect(here.received(Heartbeat(incarnation: 2, number: 1, echo: 1, echoedIncarnation: 9)) == false)
        #expect(here.received(Heartbeat(incarnation: 2, number: 2, echo: .max, echoedIncarnation: 1)) == false)
        #expect(here.received(Heartbeat(incarnation: 2, number: 0, echo: 1, echoedIncarnation: 1)) == false)
        #expect(here.lastRoundTrip == nil)
        #expect(here.received(Heartbeat(incarnation: 2, number: .max, echo: 1, echoedIncarnation: 1)) == true)
    }

    @Test func anEchoThatIsTooOldProvesNothing() {
        var here = Contact(incarnation: 1)
        for number in 1...40 { _ = here.beat(at: second(Double(number))) }
        #expect(here.received(Heartbeat(incarnation: 2, number: 1, echo: 8, echoedIncarnation: 1)) == false)
        #expect(here.received(Heartbeat(incarnation: 2, number: 2, echo: 9, echoedIncarnation: 1)) == true)
        #expect(here.lastRoundTrip == second(9))
    }
}

struct RoutesTests {
    private let tunis = PeerName.cell("tunis")

    @Test func theNewestConnectionIsTheAddress() {
        var routes = Routes(silence: .seconds(5))
        #expect(routes.heard(1, of: tunis, at: second(1)) == .moved(from: nil))
        #expect(routes.heard(1, of: tunis, at: second(2)) == .current)
        #expect(routes.heard(2, of: tunis, at: second(3)) == .moved(from: 1))
        #expect(routes.address(of: tunis) == 2)
        #expect(routes.name(of: 2) == tunis)
    }

    @Test func anOlderConnectionIsRefusedWhileTheNewestIsAliveAndNoLonger() {
        var routes = Routes(silence: .seconds(5))
        _ = routes.heard(1, of: tunis, at: second(1))
        _ = routes.heard(2, of: tunis, at: second(2))
        #expect(routes.heard(1, of: tunis, at: second(3)) == .superseded)
        #expect(routes.heard(1, of: tunis, at: second(7)) == .superseded)
        #expect(routes.address(of: tunis) == 2)
        #expect(routes.heard(1, of: tunis, at: second(7.1)) == .moved(from: 2))
        #expect(routes.heard(2, of: tunis, at: second(8)) == .superseded)
    }

    @Test func aConnectionThatIsGoneIsForgotten() {
        var routes = Routes(silence: .seconds(5))
        _ = routes.heard(1, of: tunis, at: second(1))
        routes.gone(2, of: tunis)
        #expect(routes.address(of: tunis) == 1)
        routes.gone(1, of: tunis)
        #expect(routes.address(of: tunis) == nil)
        #expect(routes.name(of: 1) == nil)
    }

    @Test func aConnectionWhoseKeyLostItsNameIsForgottenAndTheOthersStay() {
        var routes = Routes(silence: .seconds(5))
        for (connection, key) in [(UInt32(1), "old"), (2, "new"), (3, "old")] {
            routes.introduce(connection, Bearer(peer: tunis, key: key))
            _ = routes.heard(connection, of: tunis, at: second(Double(connection)))
        }
        routes.introduce(4, Bearer(peer: .cell("london"), key: "london's"))
        _ = routes.heard(4, of: .cell("london"), at: second(4))
        routes.shutOut { $0.key == "old" }
        #expect(routes.name(of: 1) == nil)
        #expect(routes.name(of: 3) == nil)
        #expect(routes.address(of: tunis) == nil, "its address was the thief's; the next word of the other makes it anew")
        #expect(routes.address(of: .cell("london")) == 4)
    }

    @Test func manyReconnectionsLeaveLittleBehind() {
        var routes = Routes(silence: .seconds(5))
        for number in UInt32(1)...1_000 { _ = routes.heard(number, of: tunis, at: second(Double(number))) }
        #expect(routes.address(of: tunis) == 1_000)
        #expect((UInt32(1)...1_000).filter { routes.name(of: $0) != nil }.count == 9)
    }
}

struct DuplicateWindowTests {
    @Test func aCopyIsRecognisedAndGetsTheFirstAnswer() {
        var window = DuplicateWindow(capacity: 4)
        #expect(window.admit(1) == .new)
        #expect(window.admit(1) == .taken, "it runs")
        window.answered(1, with: [9], expires: second(5))
        #expect(window.admit(1) == .answered([9]))
        window.forgetAnswers(at: second(5))
        #expect(window.admit(1) == .taken, "its caller has given up")
    }

    @Test func theOldestIsForgottenFirst() {
        var window = DuplicateWindow(capacity: 2)
        for id in UInt64(1)...3 { _ = window.admit(id) }
        #expect(window.admit(3) == .taken)
        #expect(window.admit(2) == .taken)
        #expect(window.admit(1) == .new)
        window.answered(2, with: [1], expires: second(1))
        #expect(window.admit(2) == .new, "1 pushed it out")
    }
}

struct DeadlineHeapTests {
    @Test func keysComeUpInTheOrderOfTheirDeadlines() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        var heap = DeadlineHeap<Int>()
        var dues: [Int: BootInstant] = [:]
        for key in 0..<2_000 {
            let due = BootInstant(nanoseconds: .random(in: 0..<500, using: &random))
            dues[key] = due
            heap.insert(key, due: due)
        }
        heap.compact(live: 100) { $0 % 20 == 0 }
        #expect(heap.count == 100)
        #expect(heap.popDue(at: BootInstant(nanoseconds: -1)) == nil)
        var last = BootInstant(nanoseconds: 0)
        while let key = heap.popDue(at: .distantFuture) {
            let due = dues[key, default: .distantFuture]
            #expect(due >= last, "seed \(seed)")
            last = due
        }
        #expect(heap.next == nil)
    }

    @Test func aDurationThatIsTooLongForTheClockMeansForever() {
        #expect(BootInstant.now() + .seconds(Int64.max / 2) > BootInstant.now() + .seconds(1_000_000))
        #expect(Duration.milliseconds(1).wholeMilliseconds == 1)
        #expect(Duration.nanoseconds(1).wholeMilliseconds == 1)
        #expect(Duration.seconds(-1).wholeMilliseconds == 0)
    }
}

struct FifoTests {
    @Test func whatCameFirstLeavesFirst() {
        var queue = Fifo<Int>()
        var (next, taken) = (0, 0)
        for round in 0..<300 {
            for _ in 0..<(round % 7) {
                queue.append(next)
                next += 1
            }
            for _ in 0..<(round % 5) where !queue.isEmpty {
                #expect(queue.head == taken)
                #expect(queue.popFirst() == taken)
                taken += 1
            }
            #expect(queue.count == next - taken)
        }
    }
}
