import CloudModel
import Database

/// An action as `os-instance-actions` and the trace show it.
struct ActionRecord: Sendable {
    let server: ServerID
    let number: Int
    let request: RequestID?
    let verb: Verb
    let project: ProjectID
    let user: UserID
    let created: Timestamp
    let deadline: Timestamp?
    let delivery: String
    /// `ActionReport.State`; nil: the cell hasn't reported on it.
    let state: String?
    let message: String?
    let started: Timestamp?
    let finished: Timestamp?
    /// Of the API, the SuperScheduler and the cell, by the time they began.
    let steps: [TraceStep]
    let ledger: PlacementLedger?

    static let columns = """
        a.server, a.number, a.request, a.verb, a.project, a.user_id, a.created_at, a.deadline, a.delivery, a.state, a.message,
        a.started_at, a.finished_at, a.api_steps, a.placement_steps, a.steps, a.ledger
        """

    init(_ row: Row) throws {
        server = try row.get("server")
        number = try row.get("number")
        request = try row.get("request")
        verb = try row.get("verb")
        project = try row.get("project")
        user = try row.get("user_id")
        created = try row.get("created_at")
        deadline = try row.get("deadline")
        delivery = try row.get("delivery")
        state = try row.get("state")
        message = try row.get("message")
        started = try row.get("started_at")
        finished = try row.get("finished_at")
        let api: [TraceStep] = try row.json("api_steps")
        let placement: [TraceStep] = try row.json("placement_steps")
        let cell: [TraceStep] = try row.json("steps")
        steps = (api + placement + cell).sorted { ($0.started, $0.ended) < ($1.started, $1.ended) }
        ledger = try row.isNull("ledger") ? nil : row.json("ledger")
    }

    var hasFailed: Bool { state == "failed" || state == "expired" || state == "interrupted" }

    /// Nova's `message`: `Error` when it failed, with our reason where there is one.
    var novaMessage: String? { hasFailed ? message ?? "Error" : nil }
}

/// Reads the actions of a server, newest first.
struct ActionTimelineStore: Sendable {
    let database: Database

    func actions(of server: ServerID) async throws -> [ActionRecord] {
        try await database.query(
            "SELECT \(unsafe: ActionRecord.columns) FROM compute.server_actions AS a WHERE a.server = \(server) ORDER BY a.number DESC"
        ).map(ActionRecord.init)
    }

    /// By the request that asked for it; a request has at most one action on a server.
    func action(of server: ServerID, request: RequestID) async throws -> ActionRecord? {
        try await database.query(
            """
            SELECT \(unsafe: ActionRecord.columns) FROM compute.server_actions AS a
            WHERE a.server = \(server) AND a.request = \(request) ORDER BY a.number DESC LIMIT 1
            """
        ).first.map(ActionRecord.init)
    }

    /// By its number; nil: the last one.
    func action(of server: ServerID, number: Int?) async throws -> ActionRecord? {
        let condition: SQL = if let number { " AND a.number = \(number)" } else { "" }
        return try await database.query(
            """
            SELECT \(unsafe: ActionRecord.columns) FROM compute.server_actions AS a
            WHERE a.server = \(server)\(condition) ORDER BY a.number DESC LIMIT 1
            """
        ).first.map(ActionRecord.init)
    }
}
