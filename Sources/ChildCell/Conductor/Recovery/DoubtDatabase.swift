internal import CloudModel
internal import Logging
internal import Observability

/// Somebody knows more of this cell than its database does, so it was put back to an earlier moment: the cell recovers.
struct DoubtDatabase: Sendable {
    let standing: CellStanding
    let book: HostBook
    /// Greets the API cell anew, which is where recovering begins.
    let recover: @Sendable () async -> Void
    let log: Logger

    /// - Parameters:
    ///   - reason: what is known and by whom, as a sentence.
    ///   - host: who says so. A host that says it again and again is broken, or worse, and must not keep its cell from working.
    func callAsFunction(_ reason: String, saidBy host: HostName? = nil) async throws {
        guard await !standing.isRecovering else { return }
        if let host, await !standing.believes(host, at: .now) {
            log.error(
                "a host says once more that the database was put back, and is not believed",
                metadata: [.host: "\(host)", .reason: "\(reason)"])
            return
        }
        log.error("this database was restored from a backup", metadata: [.reason: "\(reason)"])
        try await standing.beginRecovery(reason, of: book)
        await recover()
    }
}
