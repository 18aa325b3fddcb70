/// Groups work that is cheaper together: what arrives while a batch is under way goes into the next one.
///
/// An idle batcher adds no delay unless it is told to gather; a busy one makes batches as large as the load is heavy. That is how a
/// hundred boots a second share a commit.
package actor Batcher<Input: Sendable, Output: Sendable> {
    private struct Waiting {
        let number: Int
        let input: Input
        let answer: CheckedContinuation<Output, any Error>
    }

    private let perform: @Sendable ([Input]) async throws -> [Output]
    private let largest: Int
    private let parallel: Int
    private let limit: Int
    private let gathering: Duration
    private let mayBeOnes: @Sendable (any Error) -> Bool
    private var last = 0
    private var waiting: [Waiting] = []
    private var running = 0
    /// Somebody waits for company.
    private var isGathering = false

    /// How many wait for their batch to begin.
    var waitingCount: Int { waiting.count }

    /// - Parameters:
    ///   - largest: how many go into one batch; larger ones hold the first of them back for longer.
    ///   - parallel: how many batches may be under way at once; more than one gives up the order between batches.
    ///   - limit: how many may wait; beyond it callers are refused, so that a stalled database doesn't eat the memory.
    ///   - gathering: how long the first waits for company. A full batch doesn't.
    ///   - mayBeOnes: an error that may lie in one input only. Each input of the batch is then performed alone, so that it fails only the
    ///     one that it lies in; `perform` must have done nothing when it throws, or bear to be repeated.
    ///   - perform: takes a batch and returns one output for each input, in their order; throwing fails the whole batch.
    package init(
        largest: Int, parallel: Int = 1, limit: Int = 10_000, gathering: Duration = .zero,
        mayBeOnes: @escaping @Sendable (any Error) -> Bool = { _ in false },
        perform: @escaping @Sendable ([Input]) async throws -> [Output]
    ) {
        self.largest = largest
        self.parallel = parallel
        self.limit = limit
        self.gathering = gathering
        self.mayBeOnes = mayBeOnes
        self.perform = perform
    }

    /// Waits until a batch with `input` has been performed. Who is cancelled leaves the queue; a batch under way is shared, and ends.
    package func callAsFunction(_ input: Input) async throws -> Output {
        guard waiting.count < limit else {
            throw CloudError(.unavailable, "Too many requests are waiting; try again in a few seconds.", retryAfter: 2)
        }
        last += 1
        let number = last
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { answer in
                // A cancellation before this found nobody to leave.
                guard !Task.isCancelled else { return answer.resume(throwing: CancellationError()) }
                waiting.append(Waiting(number: number, input: input, answer: answer))
                startBatches()
            }
        } onCancel: {
            Task { await self.leave(number) }
        }
    }

    private func leave(_ number: Int) {
        guard let place = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: place).answer.resume(throwing: CancellationError())
    }

    private func startBatches() {
        while running < parallel, !waiting.isEmpty {
            if gathering > .zero, waiting.count < largest {
                if !isGathering {
                    isGathering = true
                    Task { await gather() }
                }
                return
            }
            startBatch()
        }
    }

    private func gather() async {
        // Nobody cancels this task; were it cancelled, the batch would only be smaller.
        try? await Task.sleep(for: gathering)
        isGathering = false
        // While it slept, a full batch may have gone.
        if running < parallel, !waiting.isEmpty { startBatch() }
        startBatches()
    }

    private func startBatch() {
        let batch = Array(waiting.prefix(largest))
        waiting.removeFirst(batch.count)
        running += 1
        Task { await run(batch) }
    }

    private func run(_ batch: [Waiting]) async {
        await answer(batch)
        running -= 1
        startBatches()
    }

    private func answer(_ batch: [Waiting]) async {
        do {
            let outputs = try await perform(batch.map(\.input))
            guard outputs.count == batch.count else {
                throw CloudError(
                    .internalError, "A batch was answered in part.", detail: "\(outputs.count) answers to \(batch.count)")
            }
            for (waiting, output) in zip(batch, outputs) { waiting.answer.resume(returning: output) }
        } catch {
            guard batch.count > 1, mayBeOnes(error) else {
                for waiting in batch { waiting.answer.resume(throwing: error) }
                return
            }
            for waiting in batch { await answer([waiting]) }
        }
    }
}
