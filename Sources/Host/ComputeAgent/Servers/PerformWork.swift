import CellProtocol
import CloudModel
import Hypervisors

/// Carries out one piece of work under its deadline and an interruption, and says how it ended.
struct PerformWork {
    let hypervisor: any Hypervisor
    let images: any BaseImages
    let logbook: any Logbook
    let place: String

    private enum Fate: Sendable { case open, interrupted, late }

    /// Why the work was cut short: the first reason counts.
    private final class Cut: Sendable {
        private let fate = Lock(Fate.open)
        var reason: Fate { fate.withLock { $0 } }
        func cut(_ reason: Fate) {
            fate.withLock { if case .open = $0 { $0 = reason } }
        }
    }

    private enum Ending: Sendable {
        case result(Result<Guest?, any Error>)
        case cut
    }

    /// - Parameter interruption: yields once when a delete wants the server; the work then ends at its next step.
    func callAsFunction(
        _ work: Reconciler.Work, on guest: Guest?, interruption: AsyncStream<Void>
    ) async -> Reconciler.Outcome {
        let cut = Cut()
        let result = await withTaskGroup(of: Ending.self, returning: Result<Guest?, any Error>.self) { group in
            group.addTask {
                do { return .result(.success(try await perform(work, on: guest))) } catch { return .result(.failure(error)) }
            }
            group.addTask {
                // The first ring ends the work; a stream that ends without one belongs to work that is done.
                for await _ in interruption {
                    cut.cut(.interrupted)
                    break
                }
                return .cut
            }
            if work.verb == .build, let deadline = work.order.deadline {
                group.addTask {
                    do { try await Task.sleep(for: deadline - .now()) } catch { return .cut }
                    cut.cut(.late)
                    return .cut
                }
            }
            var ending: Result<Guest?, any Error>?
            while let next = await group.next() {
                if case .result(let result) = next { ending = result }
                group.cancelAll()
            }
            return ending ?? .failure(CancellationError())
        }
        switch result {
        case .success(let guest): return .done(guest)
        case .failure(let error): return await outcome(of: error, cut.reason, work, before: guest)
        }
    }

    private func perform(_ work: Reconciler.Work, on guest: Guest?) async throws -> Guest? {
        switch work.verb {
        case .build:
            return try await SpawnServer(hypervisor: hypervisor, images: images, logbook: logbook, place: place)(work.order)
        case .start, .stop, .softReboot, .hardReboot, .destroy, .record:
            return try await ChangeServer(hypervisor: hypervisor, logbook: logbook, place: place)(work.verb, work.order, guest)
        }
    }

    /// Out of the cancelled task: undoing must not be cancelled with what it undoes.
    private func outcome(
        of error: any Error, _ fate: Fate, _ work: Reconciler.Work, before: Guest?
    ) async -> Reconciler.Outcome {
        switch fate {
        case .interrupted:
            // What is there now is destroyed by the order that interrupted.
            return .interrupted(await look(work, before))
        case .late:
            await undo(work)
            return .failed("The server was not built in time.", await look(work, before))
        case .open:
            if Task.isCancelled { return .interrupted(await look(work, before)) }
            let sentence = (error as? CloudError)?.message ?? "The hypervisor failed."
            await note(error, of: work)
            switch (error as? CloudError)?.code {
            case .unavailable:
                return .unavailable(sentence, await look(work, before))
            case .conflict where work.verb == .build:
                // It is here after all: looking again finds what to do with it. Not ours to undo.
                return .unavailable(sentence, await look(work, before))
            default:
                await undo(work)
            }
            return .failed(sentence, await look(work, before))
        }
    }

    /// A build that failed leaves nothing behind.
    private func undo(_ work: Reconciler.Work) async {
        guard work.verb == .build else { return }
        do {
            try await hypervisor.destroy(work.order.server, epoch: work.order.epoch)
        } catch {
            await note(error, of: work)
        }
    }

    private func note(_ error: any Error, of work: Reconciler.Work) async {
        let now = Timestamp.now()
        let sentence = (error as? CloudError)?.message ?? "failed"
        let step = TraceStep("host.\(work.verb.rawValue).failed", place: place, started: now, ended: now, note: sentence)
        await logbook.step(step, of: work.order.server)
        await logbook.failed(error, work)
    }

    /// The guest as it is now; as it was `before` when the hypervisor can't be asked (the agent lists all guests again then).
    private func look(_ work: Reconciler.Work, _ before: Guest?) async -> Guest? {
        do { return try await hypervisor.guest(work.order.server) } catch { return before }
    }
}
