import CloudModel
import Database

/// An availability zone: some hosts of one cell. The region's name is the default zone of its hosts.
struct ZoneRecord: Sendable {
    let name: ZoneName
    let cell: CellName
    let disabled: Bool
    let lastContact: Timestamp?
}

/// Reads zones from what the cells last said of themselves; a silent cell's zones stay known.
struct ZoneStore: Sendable {
    let database: Database

    /// Zones without their hosts, by name.
    func zones() async throws -> [ZoneRecord] {
        try await database.query(
            """
            SELECT zone.name, c.name AS cell, c.disabled, k.last_contact
            FROM compute.cells AS c
            CROSS JOIN LATERAL (
                SELECT z->>'name' AS name FROM jsonb_array_elements(coalesce(c.summary->'zones', '[]')) AS z
                UNION
                SELECT c.name WHERE jsonb_array_length(coalesce(c.summary->'zones', '[]')) = 0
            ) AS zone
            LEFT JOIN compute.cell_contacts AS k ON k.cell = c.name
            ORDER BY zone.name, c.name
            """
        ).map { row in
            ZoneRecord(
                name: try row.get("name"), cell: try row.get("cell"), disabled: try row.get("disabled"),
                lastContact: try row.get("last_contact"))
        }
    }
}
