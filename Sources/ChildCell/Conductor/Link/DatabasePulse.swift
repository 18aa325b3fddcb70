internal import Database

/// Notices a database that no longer answers, though its connections may stay open: frozen, gone, or on a disk that hangs.
///
/// A cell in this state can neither reserve nor store anything, so it has to look silent to the API cell, as if its link were down.
actor DatabasePulse {
    private let database: Database
    private let patience: Duration
    private var lastAnswer = ContinuousClock.now

    init(database: Database, patience: Duration) {
        self.database = database
        self.patience = patience
    }

    var isStalled: Bool { lastAnswer.duration(to: .now) > patience }

    /// Asks once, and waits for the answer for as long as a statement may take.
    func ask() async throws {
        try await database.query("SELECT 1")
        lastAnswer = .now
    }
}
