internal import CellProtocol
internal import CloudModel
internal import Logging
internal import Messaging
internal import Observability

/// Hands intents to a cell, in as many messages as their size asks for.
struct HandOver: Sendable {
    let messenger: any Messenger
    let log: Logger

    /// The cell's answer to each, in their order. What no message can carry stays pending: whether an earlier, smaller version of it has
    /// reached the cell is unknown, so it may not be called refused.
    func callAsFunction(_ intents: [PerformIntent.Intent], to cell: CellName, timeout: Duration) async throws
        -> [PerformIntent.Answer]
    {
        try await inPieces(intents) { piece in
            try whole(
                try await messenger.call(PerformIntent(intents: piece), to: .cell(cell), timeout: timeout).answers,
                to: piece.count)
        } tooLarge: { intent, error in
            log.error(
                "an intent is too large for any message",
                metadata: [.cell: "\(cell)", .server: "\(intent.server)", .verb: "\(intent.order.verb)", .error: "\(error)"])
            return .notNow(reason: "The order is too large for a message.")
        }
    }
}

/// Asks a cell for room, in as many messages as the size of the requests asks for.
struct AskForRoom: Sendable {
    let messenger: any Messenger
    let log: Logger

    /// The cell's answer to each, in their order. Nothing has reached a cell before this, so what no message can carry fails here: no cell
    /// can be told of it.
    func callAsFunction(_ requests: [ReserveHost.Request], in cell: CellName, timeout: Duration) async throws
        -> [ReserveHost.Answer]
    {
        try await inPieces(requests) { piece in
            try whole(
                try await messenger.call(ReserveHost(requests: piece), to: .cell(cell), timeout: timeout).answers,
                to: piece.count)
        } tooLarge: { request, error in
            log.error(
                "a server is too large for any message",
                metadata: [.cell: "\(cell)", .server: "\(request.server)", .error: "\(error)"])
            return .noRoom(reason: "what it was asked to be is too large to be passed on", elimination: .init())
        }
    }
}

/// An answer to each of so many; a cell that answers in part has answered none.
private func whole<Answer>(_ answers: [Answer], to count: Int) throws -> [Answer] {
    guard answers.count == count else {
        throw CloudError(.internalError, "A cell answered in part.", detail: "\(answers.count) answers to \(count)")
    }
    return answers
}
