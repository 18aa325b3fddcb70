internal import CellProtocol
internal import CloudModel
internal import Messaging

/// Forwards the questions of the HTTP processes to the cells that can answer them. No row: whoever asked waits, and a cell that is silent is
/// said to be silent at once.
struct ForwardQuestions: Sendable {
    let messenger: any Messenger
    let cells: CellDirectory
    let timeout: Duration

    /// Registers the questions on the messenger; call before it runs.
    func register() {
        messenger.on(GetConsoleOutput.self, from: [.api]) { question, incoming in
            try await forward(question, to: question.cell, incoming)
        }
        messenger.on(GetDrift.self, from: [.api]) { question, incoming in
            try await forward(question, to: question.cell, incoming)
        }
    }

    private func forward<Question: CellCall>(
        _ question: Question, to cell: CellName, _ incoming: IncomingMessage
    ) async throws -> Question.Reply {
        guard await cells.isInContact(cell) else {
            throw CloudError(.unavailable, "The region \(cell) is silent; try again later.", retryAfter: 10)
        }
        return try await messenger.call(
            question, to: .cell(cell), request: incoming.request, timeout: min(timeout, incoming.deadline))
    }
}
