internal import CellProtocol
internal import CloudModel
internal import Messaging

/// One pipeline to each cell for reservations and one for intents: what comes together travels together, in order, and a cell that
/// doesn't answer holds up nobody else.
actor CellLines {
    private struct Line {
        let reserve: Batcher<ReserveHost.Request, ReserveHost.Answer>
        let perform: Batcher<PerformIntent.Intent, PerformIntent.Answer>
    }

    /// The first of a round waits so long for the others of it, which are a few hops of this process behind: else they would go one by one.
    /// Longer delays every boot, at each of three hops.
    static let gathering = Duration.milliseconds(3)

    private let messenger: any Messenger
    private let cells: CellDirectory
    private let reserveTimeout: Duration
    private let performTimeout: Duration
    private var lines: [CellName: Line] = [:]

    init(messenger: any Messenger, cells: CellDirectory, reserveTimeout: Duration, performTimeout: Duration) {
        self.messenger = messenger
        self.cells = cells
        self.reserveTimeout = reserveTimeout
        self.performTimeout = performTimeout
    }

    nonisolated func reserve(_ request: ReserveHost.Request, in cell: CellName) async throws -> ReserveHost.Answer {
        try await line(to: cell).reserve(request)
    }

    nonisolated func perform(_ intent: PerformIntent.Intent, in cell: CellName) async throws -> PerformIntent.Answer {
        try await line(to: cell).perform(intent)
    }

    private func line(to cell: CellName) -> Line {
        if let line = lines[cell] { return line }
        let (messenger, cells, reserveTimeout, performTimeout) = (messenger, cells, reserveTimeout, performTimeout)
        let line = Line(
            reserve: Batcher(largest: 64, parallel: 2, gathering: Self.gathering) { requests in
                do {
                    let reply = try await messenger.call(
                        ReserveHost(requests: requests), to: .cell(cell), timeout: reserveTimeout)
                    await cells.answered(cell)
                    return reply.answers
                } catch {
                    await cells.leftUnanswered(cell)
                    throw error
                }
            },
            perform: Batcher(largest: 64, parallel: 2, gathering: Self.gathering) { intents in
                try await messenger.call(PerformIntent(intents: intents), to: .cell(cell), timeout: performTimeout).answers
            })
        lines[cell] = line
        return line
    }
}
