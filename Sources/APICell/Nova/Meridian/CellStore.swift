import CellProtocol
import CloudModel
import Database

/// A child cell as the API cell knows it.
struct CellRecord: Sendable {
    let name: CellName
    let disabled: Bool
    private let disabledReason: String?
    let summary: CellSummary?
    let release: String?
    let joined: Timestamp
    let lastContact: Timestamp?
    /// The cell has seen a later placement than this database, which was restored from a backup: nothing is placed there.
    let isAhead: Bool
    let hosts: Int
    let servers: Int

    init(_ row: Row) throws {
        name = try row.get("name")
        disabled = try row.get("disabled")
        isAhead = try row.get("ahead")
        disabledReason = try row.get("disabled_reason")
        summary = try row.isNull("summary") ? nil : row.json("summary")
        release = try row.get("release")
        joined = try row.get("joined_at")
        lastContact = try row.get("last_contact")
        hosts = try row.get("hosts")
        servers = try row.get("servers")
    }

    /// Why it takes no new servers, for everybody to read.
    var reason: String? {
        guard isAhead else { return disabledReason }
        return
            "The API database was restored from a backup and has forgotten placements here. An operator has to raise its epochs."
    }

    /// `silent` once it hasn't been heard for so long; else `ahead` of this database; else `draining` by an operator's word or its own, or
    /// what it says it is.
    func state(at now: Timestamp, silentAfter: Duration) -> String {
        guard let lastContact, now - lastContact < silentAfter else { return "silent" }
        if isAhead { return "ahead" }
        if disabled { return CellSummary.State.draining.rawValue }
        return (summary?.state ?? .up).rawValue
    }
}

/// Reads cells, and writes what operators say of them.
struct CellStore: Sendable {
    let database: Database

    private static let selection: SQL = """
        SELECT c.name, c.disabled, c.disabled_reason, c.summary, c.release, c.joined_at, k.last_contact, c.ahead,
            (SELECT count(*) FROM compute.hosts AS h WHERE h.cell = c.name) AS hosts,
            (SELECT count(*) FROM compute.servers AS s WHERE s.cell = c.name AND s.deleted_at IS NULL) AS servers
        FROM compute.cells AS c LEFT JOIN compute.cell_contacts AS k ON k.cell = c.name
        """

    func cells() async throws -> [CellRecord] {
        try await database.query("\(Self.selection) ORDER BY c.name").map(CellRecord.init)
    }

    func cell(_ name: CellName) async throws -> CellRecord? {
        try await database.query("\(Self.selection) WHERE c.name = \(name)").first.map(CellRecord.init)
    }

    /// False when there is no such cell.
    func setDisabled(_ name: CellName, _ disabled: Bool, reason: String?) async throws -> Bool {
        try await database.query(
            "UPDATE compute.cells SET disabled = \(disabled), disabled_reason = \(reason) WHERE name = \(name)"
        ).affected > 0
    }
}
