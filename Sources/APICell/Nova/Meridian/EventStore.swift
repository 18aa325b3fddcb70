import CloudModel
import Database

/// One thing that happened, as `event watch` shows it.
struct EventRecord: Sendable {
    let number: Int64
    let at: Timestamp
    let kind: String
    let project: ProjectID?
    let server: ServerID?
    let cell: CellName?
    /// A JSON object.
    let payload: String

    init(_ row: Row) throws {
        number = try row.get("number")
        at = try row.get("at")
        kind = try row.get("kind")
        project = try row.get("project")
        server = try row.get("server")
        cell = try row.get("cell")
        payload = try row.get("payload")
    }
}

/// Reads events in their order. They commit in the order of their numbers, so that whoever has seen n has seen everything before it.
struct EventStore: Sendable {
    let database: Database

    /// Those after a number, oldest first; a tenant's own only.
    func events(after number: Int64, of project: ProjectID?, limit: Int) async throws -> [EventRecord] {
        let condition: SQL = if let project { " AND project = \(project)" } else { "" }
        return try await database.query(
            """
            SELECT number, at, kind, project, server, cell, payload::text AS payload FROM compute.events
            WHERE number > \(number)\(condition) ORDER BY number LIMIT \(limit)
            """
        ).map(EventRecord.init)
    }

    /// Events up to this number have been forgotten.
    func forgottenThrough() async throws -> Int64 {
        try await database.query("SELECT through FROM compute.events_forgotten").first?.get("through") ?? 0
    }

    /// The last number given; 0 when nothing has happened.
    func last() async throws -> Int64 {
        try await database.query(
            "SELECT greatest(max(number), (SELECT through FROM compute.events_forgotten), 0) AS last FROM compute.events"
        ).first?.get("last") ?? 0
    }
}
