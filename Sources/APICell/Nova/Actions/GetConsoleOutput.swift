import CloudModel

/// `os-getConsoleOutput`: a question to the server's cell. No row; a silent cell is said to be silent at once.
struct GetConsoleOutput: Sendable {
    let store: ServerStore
    let questions: any CellQuestions
    let regionSilent: Duration

    func callAsFunction(_ id: ServerID, lines: Int?, for request: NovaRequest) async throws -> String {
        async let contacts = store.contacts()
        let server = try await ShowServer(store: store).find(id, for: request)
        guard let cell = server.cell, server.host != nil else {
            throw ServerErrors.notReady(id)
        }
        let contact = try await contacts[cell]
        guard let contact, request.received - contact < regionSilent else {
            throw CloudError(
                .unavailable,
                "The region \(cell), where the server is, doesn't answer at the moment. The server itself may be well.",
                retryAfter: 5)
        }
        return try await questions.consoleOutput(of: id, in: cell, lines: lines, request: request.id)
    }
}
