import CloudModel

/// Groups creates that arrive while a commit is in flight into the next commit, so that a storm costs a few commits rather than
/// one each, and quota needs one lock per project and batch.
///
/// The first create that finds no commit in flight leads: it stores what is waiting, answers those who wait, and hands the lead to
/// the next one waiting, if any. Nothing runs between requests. When the process dies, what wasn't committed was never accepted.
final class CreateBatcher: Sendable {
    /// More would hold the project's lock longer than a client should wait; fewer would make more commits than a disk likes.
    static let largestBatch = 64
    /// A burst beyond this is told to come back rather than kept in memory.
    static let longestQueue = 4_096

    private enum Wake: Sendable {
        case answered(Result<CreateOutcome, any Error>)
        case lead
    }

    private struct Waiting: Sendable {
        let order: CreateOrder
        let continuation: CheckedContinuation<Wake, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var isLed = false
        var company = Company(spacing: .milliseconds(25))
    }

    private let state = Lock(State())
    private let store: @Sendable ([CreateOrder]) async throws -> [CreateOutcome]
    private let isEverybodys: @Sendable (any Error) -> Bool

    /// - Parameters:
    ///   - isEverybodys: an error that says nothing of the orders: the database is away. After any other, which may lie in one order,
    ///     each order of the batch is stored alone, so that it fails only the one it lies in.
    ///   - store: answers each order, in their order; when it throws, none of them was stored.
    init(
        isEverybodys: @escaping @Sendable (any Error) -> Bool = { _ in false },
        store: @escaping @Sendable ([CreateOrder]) async throws -> [CreateOutcome]
    ) {
        self.isEverybodys = isEverybodys
        self.store = store
    }

    func callAsFunction(_ order: CreateOrder) async throws -> CreateOutcome {
        let leads: Bool? = state.withLock { state in
            guard state.waiting.count < Self.longestQueue else { return nil }
            guard !state.isLed else { return false }
            state.isLed = true
            return true
        }
        guard let leads else {
            throw CloudError(.unavailable, "Too many servers are being created at once. Try again in a moment.", retryAfter: 2)
        }
        if leads { return try await lead(with: order) }

        let wake = await withCheckedContinuation { continuation in
            let leadNow = state.withLock { state in
                // The leader may have left between the two looks.
                guard state.isLed else {
                    state.isLed = true
                    return true
                }
                state.waiting.append(Waiting(order: order, continuation: continuation))
                return false
            }
            if leadNow { continuation.resume(returning: .lead) }
        }
        switch wake {
        case .answered(let result): return try result.get()
        case .lead: return try await lead(with: order)
        }
    }

    /// Stores the leader's order with those waiting. Shielded from the leader's own cancellation: others depend on it.
    private func lead(with order: CreateOrder) async throws -> CreateOutcome {
        let wait = state.withLock { $0.company.wait(at: .now) }
        // When the leader is cancelled meanwhile the others wait no longer.
        if let wait { try? await Task.sleep(until: wait) }
        let others = state.withLock { state in
            state.company.begins(with: state.waiting.count, at: .now)
            let count = min(state.waiting.count, Self.largestBatch - 1)
            let others = Array(state.waiting.prefix(count))
            state.waiting.removeFirst(count)
            return others
        }
        let results = await Task { await self.results(of: [order] + others.map(\.order)) }.value
        let next = state.withLock { state -> Waiting? in
            guard !state.waiting.isEmpty else {
                state.isLed = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.continuation.resume(returning: .lead)
        for (index, other) in others.enumerated() {
            other.continuation.resume(returning: .answered(results[index + 1]))
        }
        return try results[0].get()
    }

    private func results(of orders: [CreateOrder]) async -> [Result<CreateOutcome, any Error>] {
        do {
            return try await store(orders).map { .success($0) }
        } catch {
            guard orders.count > 1, !isEverybodys(error) else { return orders.map { _ in .failure(error) } }
            var results: [Result<CreateOutcome, any Error>] = []
            for order in orders { results += await self.results(of: [order]) }
            return results
        }
    }
}
