import CellProtocol
import CloudModel
import ComputeAgent
import Testing

@Suite struct ReportQueueTests {
    private let server = ServerID.random()

    private func seen(_ power: PowerState, revision: Int64 = 1) -> Observation {
        Observation(server: server, epoch: PlacementEpoch(1), appliedRevision: revision, presence: .present, power: power)
    }

    private func step(_ name: String) -> TraceStep {
        TraceStep(name, place: "h", started: Timestamp(microseconds: 1), ended: Timestamp(microseconds: 2))
    }

    @Test func whatIsNotAcknowledgedIsSentAgain() {
        var queue = ReportQueue()
        queue.put(seen(.running), .soon)
        let first = queue.take()
        queue.settle(first, acknowledged: false)
        let next = queue.takeBatch()
        #expect(next == first)
    }

    @Test func whatIsAcknowledgedIsNotSaidTwice() {
        var queue = ReportQueue()
        queue.put(seen(.running), .soon)
        queue.settle(queue.take(), acknowledged: true)
        queue.put(seen(.running), .soon)
        let next = queue.takeBatch()
        #expect(next == nil)
    }

    @Test func aConductorThatMayHaveForgottenIsToldAgain() {
        var queue = ReportQueue()
        queue.put(seen(.running), .soon)
        queue.settle(queue.take(), acknowledged: true)
        queue.forgetAcknowledged()
        queue.put(seen(.running), .soon)
        #expect(queue.take() == [seen(.running)])
    }

    @Test func aChangeWhileTheReportIsUnderWayIsSentAfterIt() {
        var queue = ReportQueue()
        queue.put(seen(.running), .soon)
        let first = queue.take()
        queue.put(seen(.crashed), .soon)
        queue.settle(first, acknowledged: true)
        let next = queue.takeBatch()
        #expect(next?.map(\.power) == [.crashed])
    }

    @Test func aChangeBackWhileTheReportIsUnderWayIsSentToo() {
        var queue = ReportQueue()
        queue.put(seen(.running), .soon)
        queue.settle(queue.take(), acknowledged: true)
        queue.put(seen(.crashed), .soon)
        let second = queue.take()
        queue.put(seen(.running), .soon)
        queue.settle(second, acknowledged: true)
        let next = queue.takeBatch()
        #expect(next?.map(\.power) == [.running])
    }

    @Test func progressWaitsAndIsOvertakenByTheResult() {
        var queue = ReportQueue()
        queue.put(seen(.noState, revision: 0), .later)
        #expect(queue.take().isEmpty)
        queue.put(seen(.running), .soon)
        #expect(queue.take() == [seen(.running)])
    }

    @Test func progressThatWaitedLongEnoughIsSent() {
        var queue = ReportQueue()
        queue.put(seen(.noState, revision: 0), .later)
        queue.hurry()
        let next = queue.takeBatch()
        #expect(next?.count == 1)
    }

    @Test func stepsAreKeptUntilTheyAreAcknowledgedAndNoLonger() {
        var queue = ReportQueue()
        queue.add(step("a"), to: server)
        queue.put(seen(.running), .soon)
        let first = queue.take()
        #expect(first[0].steps.map(\.name) == ["a"])
        queue.add(step("b"), to: server)
        queue.settle(first, acknowledged: false)
        let second = queue.take()
        #expect(second[0].steps.map(\.name) == ["a", "b"])
        queue.add(step("c"), to: server)
        queue.settle(second, acknowledged: true)
        queue.put(seen(.shutdown), .soon)
        let next = queue.takeBatch()
        #expect(next?[0].steps.map(\.name) == ["c"])
    }

    @Test func aBatchIsBounded() {
        var queue = ReportQueue()
        for _ in 0..<250 {
            queue.put(
                Observation(
                    server: .random(), epoch: PlacementEpoch(1), appliedRevision: 1, presence: .present, power: .running), .soon
            )
        }
        var total = 0
        while let batch = queue.takeBatch() {
            #expect(batch.count <= 100)
            total += batch.count
            queue.settle(batch, acknowledged: true)
        }
        #expect(total == 250)
    }
}

extension ReportQueue {
    fileprivate mutating func take() -> [Observation] { takeBatch() ?? [] }
}
