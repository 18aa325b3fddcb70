import CellProtocol
import CloudModel
import Logging
import Messaging
import Observability

/// Tells the conductor what is seen, until it says that it has it.
extension HostAgent {
    /// A result waits so long for its neighbours: a storm's reports share messages, a single boot hardly notices.
    private static let gathering = Duration.milliseconds(3)
    /// Progress waits so long for the result that makes it needless.
    private static let progressPatience = Duration.milliseconds(100)
    /// Between two attempts at a report that nobody acknowledges, growing from the first to the second.
    private static let retryWait = (first: Duration.milliseconds(100), longest: Duration.seconds(5))

    func queueReports() {
        for server in reconciler.takeChanged() {
            // Work that has just begun is progress; everything else is news.
            queueReport(of: server, reconciler.work(server) == nil ? .soon : .later)
        }
    }

    func queueReport(of server: ServerID, _ haste: ReportQueue.Haste) {
        guard var observation = reconciler.observation(of: server) else { return }
        observation.progress = progress[server]
        reports.put(observation, haste)
        if reports.hasUrgent { reportDue.ring() }
        if reports.hasPatient { progressDue.ring() }
    }

    func hurryProgress() async {
        try? await progressDue.forEach(atLeastEvery: .seconds(3_600), coalescing: Self.progressPatience) { await self.hurry() }
    }

    private func hurry() {
        reports.hurry()
        if reports.hasUrgent { reportDue.ring() }
    }

    func sendReports() async {
        try? await reportDue.forEach(atLeastEvery: .seconds(3_600), coalescing: Self.gathering) {
            try await self.sendDueReports()
        }
    }

    private func sendDueReports() async throws {
        var wait = Self.retryWait.first
        while let batch = reports.takeBatch() {
            do {
                try await send(batch)
                reports.settle(batch, acknowledged: true)
                wait = Self.retryWait.first
            } catch {
                reports.settle(batch, acknowledged: false)
                if wait == Self.retryWait.first {
                    log.notice("report not acknowledged", metadata: [.peer: "\(conductor)", .error: "\(error)"])
                }
                try await Task.sleep(for: wait)
                wait = min(wait * 2, Self.retryWait.longest)
            }
        }
    }

    /// In as many messages as the steps and sentences ask for. An observation that no message can carry is given up, so that it doesn't
    /// hold up the others for ever.
    private func send(_ batch: [Observation]) async throws {
        _ = try await inPieces(batch) { piece in
            let done = try await messenger.call(
                ReportWork(observations: piece), to: conductor, timeout: settings.answerTimeout)
            return piece.map { _ in done }
        } tooLarge: { observation, error in
            log.error(
                "an observation is too large for any message and is not reported",
                metadata: [.server: "\(observation.server)", .error: "\(error)"])
            return Done()
        }
    }
}
