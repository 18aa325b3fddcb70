internal import CellProtocol
internal import CloudModel
internal import Database

/// Answers which guests the cell's hosts have and nobody ordered. It only reads, so it also answers while the cell recovers.
struct TellDrift: Sendable {
    private let store: DriftStore

    init(database: Database) { store = DriftStore(database: database) }

    /// One page. Throws `badRequest` for a limit below one.
    func callAsFunction(_ question: GetDrift) async throws -> GetDrift.Reply {
        guard question.limit >= 1 else {
            throw CloudError(.badRequest, "A page of the drift has at least one guest; \(question.limit) were asked for.")
        }
        let limit = min(question.limit, GetDrift.largestPage)
        var strangers = try await store.strangers(after: question.after, limit: limit + 1)
        let isLast = strangers.count <= limit
        if !isLast { strangers.removeLast() }
        let last = strangers.last.map { GetDrift.Place(host: $0.host, server: $0.server) }
        return GetDrift.Reply(strangers: strangers, next: isLast ? nil : last)
    }
}
