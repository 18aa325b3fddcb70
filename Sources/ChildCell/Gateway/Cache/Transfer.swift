import CloudModel

/// One image on its way from Glance, and the requests that wait for its bytes.
final class Transfer: Sendable {
    private struct State {
        var progress = TransferProgress.asking
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    let image: ImageID
    private let state = Lock(State())

    init(of image: ImageID) { self.image = image }

    /// Sets how far it is, and wakes all who wait.
    func change(to progress: TransferProgress) {
        let woken = state.withLock { state in
            state.progress = progress
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for waiter in woken { waiter.resume() }
    }

    /// Returns when there are bytes behind `offset`, or never will be: not `notYet`. Throws `CancellationError`.
    func supply(beyond offset: Int64) async throws -> TransferProgress.Supply {
        while true {
            try Task.checkCancellation()
            let supply = state.withLock { $0.progress.supply(beyond: offset) }
            if case .notYet = supply { await changed(for: offset) } else { return supply }
        }
    }

    /// Returns at the next change, at once if there was one that helps, or when the task is cancelled.
    private func changed(for offset: Int64) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard case .notYet = state.progress.supply(beyond: offset), !Task.isCancelled else { return false }
                    state.waiting[waiter] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
        }
    }
}
