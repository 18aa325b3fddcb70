import Testing

@testable import CloudModel

@Suite(.timeLimit(.minutes(3))) struct BatcherTests {
    private actor Record {
        private(set) var sizes: [Int] = []
        func add(_ size: Int) { sizes.append(size) }
    }

    private func wait(until count: Int, waitFor batcher: Batcher<Int, Int>) async throws {
        while await batcher.waitingCount != count { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test func whatArrivesDuringABatchGoesIntoTheNext() async throws {
        let record = Record()
        let batcher = Batcher<Int, Int>(largest: 40) { inputs in
            await record.add(inputs.count)
            try await Task.sleep(for: .milliseconds(30))
            return inputs.map { $0 * 2 }
        }
        let outputs = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for input in 0..<100 { group.addTask { (input, try await batcher(input)) } }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(outputs.count == 100)
        #expect(outputs.allSatisfy { $0.value == $0.key * 2 })
        let sizes = await record.sizes
        #expect(sizes.reduce(0, +) == 100)
        #expect(sizes.max() ?? 0 <= 40)
        #expect(sizes.count < 30, "batches, not one by one")
    }

    @Test func aFailureFailsItsBatchAndNoOther() async throws {
        let batcher = Batcher<Int, Int>(largest: 1) { inputs in
            if inputs == [13] { throw CloudError(.conflict, "Thirteen.") }
            return inputs
        }
        await #expect(throws: CloudError.self) { try await batcher(13) }
        #expect(try await batcher(14) == 14)
    }

    @Test func anErrorThatMayBeOnesFailsOnlyTheOneItLiesIn() async throws {
        let (held, door) = AsyncStream<Void>.makeStream()
        defer { door.finish() }
        let record = Record()
        let batcher = Batcher<Int, Int>(largest: 8, mayBeOnes: { ($0 as? CloudError)?.code == .badRequest }) { inputs in
            await record.add(inputs.count)
            if inputs == [0] { for await _ in held {} }
            if inputs.contains(13) { throw CloudError(.badRequest, "Thirteen.") }
            return inputs
        }
        let first = Task { try await batcher(0) }
        while await record.sizes.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        let good = (1...3).map { input in Task { try await batcher(input) } }
        let bad = Task { try await batcher(13) }
        try await wait(until: 4, waitFor: batcher)
        door.finish()
        #expect(try await first.value == 0)
        await #expect(throws: CloudError.self) { try await bad.value }
        for (task, input) in zip(good, 1...3) { #expect(try await task.value == input) }
        #expect(await record.sizes == [1, 4, 1, 1, 1, 1])
    }

    @Test func whoIsCancelledLeavesTheQueue() async throws {
        let (held, door) = AsyncStream<Void>.makeStream()
        defer { door.finish() }
        let record = Record()
        let batcher = Batcher<Int, Int>(largest: 1, limit: 1) { inputs in
            await record.add(inputs[0])
            if inputs == [0] { for await _ in held {} }
            return inputs
        }
        let first = Task { try await batcher(0) }
        while await record.sizes.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        let waiting = Task { try await batcher(1) }
        try await wait(until: 1, waitFor: batcher)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        // Its place is free, though the first batch is still under way.
        let next = Task { try await batcher(2) }
        try await wait(until: 1, waitFor: batcher)
        door.finish()
        #expect(try await first.value == 0)
        #expect(try await next.value == 2)
        #expect(await record.sizes == [0, 2])
    }

    @Test func anAnswerInPartIsAnError() async {
        let batcher = Batcher<Int, Int>(largest: 8) { _ in [] }
        await #expect(throws: CloudError.self) { try await batcher(1) }
    }

    @Test func theFirstOfABatchWaitsForItsCompany() async throws {
        let record = Record()
        let batcher = Batcher<Int, Int>(largest: 10, gathering: .seconds(600)) { inputs in
            await record.add(inputs.count)
            return inputs
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for input in 0..<10 { group.addTask { try await batcher(input) } }
            for try await _ in group {}
        }
        #expect(await record.sizes == [10])
    }

    @Test func whoGathersInVainGoesAlone() async throws {
        let batcher = Batcher<Int, Int>(largest: 2, gathering: .milliseconds(10)) { $0 }
        #expect(try await batcher(1) == 1)
    }

    @Test func aFullBatchWaitsForNothing() async throws {
        let batcher = Batcher<Int, Int>(largest: 2, gathering: .seconds(600)) { $0 }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for input in 0..<4 { group.addTask { try await batcher(input) } }
            for try await _ in group {}
        }
    }

    @Test func beyondItsLimitCallersAreRefusedAtOnce() async throws {
        let (held, door) = AsyncStream<Void>.makeStream()
        defer { door.finish() }
        let batcher = Batcher<Int, Int>(largest: 1, limit: 2) { inputs in
            for await _ in held {}
            return inputs
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for input in 0..<10 {
                group.addTask {
                    do {
                        _ = try await batcher(input)
                        return true
                    } catch let error as CloudError where error.code == .unavailable {
                        return false
                    }
                }
            }
            // One is under way and two wait: nobody is answered before the door opens.
            for _ in 0..<7 { #expect(try await group.next() == false) }
            door.finish()
            let answered = try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            #expect(answered == 3)
        }
    }
}

@Suite struct WakeUpTests {
    private actor Count {
        private(set) var value = 0
        func add() { value += 1 }
    }

    @Test func ringsDuringARunWakeItOnceMore() async throws {
        let bell = WakeUp()
        let (began, beginning) = AsyncStream<Int>.makeStream()
        let (held, door) = AsyncStream<Void>.makeStream()
        defer { door.finish() }
        let count = Count()
        let task = Task {
            try await bell.forEach(atLeastEvery: .seconds(600)) {
                await count.add()
                beginning.yield(await count.value)
                for await _ in held {}
            }
        }
        var runs = began.makeAsyncIterator()
        #expect(await runs.next() == 1)
        for _ in 0..<20 { bell.ring() }
        door.finish()
        #expect(await runs.next() == 2)
        try await Task.sleep(for: .milliseconds(200))
        #expect(await count.value == 2, "twenty rings are one")
        task.cancel()
        try await task.value
    }

    @Test func runsKeepTheirDistanceWhileTheBellRings() async throws {
        let bell = WakeUp()
        let count = Count()
        let began = ContinuousClock.now
        let task = Task {
            try await bell.forEach(atLeastEvery: .seconds(600), spacing: .milliseconds(100)) { await count.add() }
        }
        while await count.value < 4 {
            bell.ring()
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(ContinuousClock.now - began >= .milliseconds(300), "the first at once, three more a spacing apart")
        task.cancel()
        try await task.value
    }

    @Test(.timeLimit(.minutes(1))) func aLostRingCostsAPeriod() async throws {
        let bell = WakeUp()
        let count = Count()
        let task = Task { try await bell.forEach(atLeastEvery: .milliseconds(20)) { await count.add() } }
        while await count.value < 3 { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        try await task.value
    }
}

@Suite struct SharedBellTests {
    @Test func aRingWakesEverybody() async {
        let bell = SharedBell()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10 { group.addTask { await bell.wait(after: 0, atMost: .seconds(600)) } }
            while bell.waiting < 10 { await Task.yield() }
            bell.ring()
        }
        #expect(bell.rings == 1)
        #expect(bell.waiting == 0)
    }

    @Test func aRingBetweenLookingAndWaitingIsNotLost() async {
        let bell = SharedBell()
        let before = bell.rings
        bell.ring()
        await bell.wait(after: before, atMost: .seconds(600))
        #expect(bell.waiting == 0)
    }

    @Test func aWaitEndsWithItsTimeAndWithItsTask() async {
        let bell = SharedBell()
        await bell.wait(after: 0, atMost: .milliseconds(1))
        let waiting = Task { await bell.wait(after: 0, atMost: .seconds(600)) }
        while bell.waiting < 1 { await Task.yield() }
        waiting.cancel()
        await waiting.value
        #expect(bell.waiting == 0)
    }
}
