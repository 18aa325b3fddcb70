import CellProtocol
import CloudModel
import Hypervisors
import Logging
import Messaging
import Observability

/// The work under way, and what is told of it.
extension HostAgent: Logbook {
    func performWork() async {
        await withDiscardingTaskGroup { group in
            for await begun in work {
                let guest = reconciler.guest(begun.work.order.server)
                group.addTask { await self.perform(begun.work, on: guest, begun.interruption) }
            }
        }
    }

    /// Hands work over, with the bell by which a delete interrupts it: there before the work is, so that no ring is lost.
    func begin(_ work: Reconciler.Work) {
        let (interruption, interrupt) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        interruptions[work.order.server] = interrupt
        beginWork.yield(BegunWork(work: work, interruption: interruption))
    }

    private nonisolated func perform(_ work: Reconciler.Work, on guest: Guest?, _ interruption: AsyncStream<Void>) async {
        let perform = PerformWork(hypervisor: hypervisor, images: images, logbook: self, place: settings.host.rawValue)
        let started = ContinuousClock.now
        let outcome = await perform(work, on: guest, interruption: interruption)
        MetricsRegistry.shared.histogram(
            "meridian_host_work_seconds", ["verb": work.verb.rawValue, "outcome": outcome.name]
        ).observe(ContinuousClock.now - started)
        await finish(work, outcome)
    }

    private func finish(_ work: Reconciler.Work, _ outcome: Reconciler.Outcome) {
        // Shutting down: what is half done is the next agent's to find, and nothing to report.
        guard !Task.isCancelled else { return }
        let server = work.order.server
        interruptions.removeValue(forKey: server)?.finish()
        progress[server] = nil
        reconciler.finished(server, outcome, now: .now())
        switch outcome {
        case .done:
            log.info("order carried out", metadata: metadata(work))
            if mustLook { round.ring() }
        case .failed(let sentence, _), .unavailable(let sentence, _):
            log.error("order failed", metadata: metadata(work).merging([.reason: "\(sentence)"]) { $1 })
            mustLook = true
            round.ring()
        case .interrupted:
            log.info("order interrupted", metadata: metadata(work))
        }
        act()
    }

    // MARK: - Logbook

    func progress(_ word: String, of server: ServerID) {
        guard reconciler.work(server) != nil else { return }
        progress[server] = word
        queueReport(of: server, .later)
    }

    func step(_ step: TraceStep, of server: ServerID) { reports.add(step, to: server) }

    func failed(_ error: any Error, _ work: Reconciler.Work) {
        log.error("hypervisor failed", metadata: metadata(work).merging([.error: "\(error)"]) { $1 })
    }

    private nonisolated func metadata(_ work: Reconciler.Work) -> Logger.Metadata {
        [
            .server: "\(work.order.server)", .epoch: "\(work.order.epoch)", .revision: "\(work.order.revision)",
            .verb: "\(work.verb.rawValue)", .request: "\(work.order.request?.rawValue ?? "")",
        ]
    }
}

extension Reconciler.Outcome {
    /// As a metric's label.
    fileprivate var name: String {
        switch self {
        case .done: "done"
        case .failed: "failed"
        case .unavailable: "unavailable"
        case .interrupted: "interrupted"
        }
    }
}
