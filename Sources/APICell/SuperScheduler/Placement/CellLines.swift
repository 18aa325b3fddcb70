internal import CellProtocol
internal import CloudModel
internal import Logging
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
    private let log: Logger
    private var lines: [CellName: Line] = [:]

    init(messenger: any Messenger, cells: CellDirectory, reserveTimeout: Duration, performTimeout: Duration, log: Logger) {
        self.messenger = messenger
        self.cells = cells
        self.reserveTimeout = reserveTimeout
        self.performTimeout = performTimeout
        self.log = log
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
        let handOver = HandOver(messenger: messenger, log: log)
        let reserve = AskForRoom(messenger: messenger, log: log)
        let line = Line(
            reserve: Batcher(largest: 64, parallel: 2, gathering: Self.gathering) { requests in
                do {
                    let answers = try await reserve(requests, in: cell, timeout: reserveTimeout)
                    await cells.answered(cell)
                    return answers
                } catch {
                    switch error as? MessagingError {
                    case .timeout, .unreachable, .refused: await cells.leftUnanswered(cell)
                    // That our own queues are full tells nothing of the cell.
                    case .overloaded, .tooLarge, nil: break
                    }
                    throw error
                }
            },
            perform: Batcher(largest: 64, parallel: 2, gathering: Self.gathering) {
                try await handOver($0, to: cell, timeout: performTimeout)
            })
        lines[cell] = line
        return line
    }
}
