import CloudModel
import Database

/// An availability zone: some hosts of one cell. The region's name is the default zone of its hosts.
struct ZoneRecord: Sendable {
    let name: ZoneName
    let cell: CellName
    /// An operator drains the cell.
    let isDrained: Bool
    let lastContact: Timestamp?
    /// By the cell's last word, a host in it is enabled and up.
    let hasHost: Bool

    /// Whether a server that asks for the zone has a chance. A zone that isn't available exists, and is listed, all the same.
    func isAvailable(at now: Timestamp, silentAfter: Duration) -> Bool {
        guard hasHost, !isDrained, let lastContact else { return false }
        return now - lastContact < silentAfter
    }
}

/// Reads which zones there are. A zone exists as long as a host is known in it, up or not; a cell that has none yet has the zone that is
/// called as the region.
struct ZoneStore: Sendable {
    let database: Database

    /// Zones without their hosts, by name. Reads every host. What is known of a zone's hosts goes before the cell's summary, which
    /// doesn't know yet what an administrator has just asked for.
    func zones() async throws -> [ZoneRecord] {
        try await database.query(
            """
            WITH host AS (
                SELECT cell, report->'inventory'->>'zone' AS zone,
                    bool_or((report->>'up')::bool AND coalesce(NOT wanted_disabled, (report->>'enabled')::bool)) AS usable
                FROM compute.hosts GROUP BY 1, 2
            ), said AS (
                SELECT c.name AS cell, z->>'name' AS zone
                FROM compute.cells AS c CROSS JOIN jsonb_array_elements(coalesce(c.summary->'zones', '[]')) AS z
            ), zone AS (
                SELECT cell, zone, coalesce(host.usable, true) AS usable FROM host FULL JOIN said USING (cell, zone)
            )
            SELECT coalesce(zone.zone, c.name) AS name, c.name AS cell, c.disabled, coalesce(zone.usable, false) AS usable, k.last_contact
            FROM compute.cells AS c
            LEFT JOIN zone ON zone.cell = c.name
            LEFT JOIN compute.cell_contacts AS k ON k.cell = c.name
            ORDER BY name, c.name
            """
        ).map { row in
            ZoneRecord(
                name: try row.get("name"), cell: try row.get("cell"), isDrained: try row.get("disabled"),
                lastContact: try row.get("last_contact"), hasHost: try row.get("usable"))
        }
    }

    /// The cells that have a zone, or whether this one has it: those that say so in their summaries. When none does, because the zone's
    /// hosts are down or disabled, those that have a host there; only then are hosts read.
    func cells(with zone: String, in region: String?) async throws -> [CellName] {
        try await database.query(
            """
            WITH said AS MATERIALIZED (
                SELECT name FROM compute.cells AS c
                WHERE (\(region)::text IS NULL OR name = \(region))
                    AND (EXISTS (
                            SELECT 1 FROM jsonb_array_elements(coalesce(c.summary->'zones', '[]')) AS z WHERE z->>'name' = \(zone)
                        ) OR name = \(zone) AND NOT EXISTS (SELECT 1 FROM compute.hosts AS h WHERE h.cell = c.name))
            )
            SELECT name FROM said
            UNION ALL
            SELECT DISTINCT cell FROM compute.hosts
            WHERE NOT EXISTS (SELECT 1 FROM said) AND report->'inventory'->>'zone' = \(zone)
                AND (\(region)::text IS NULL OR cell = \(region))
            """
        ).map { try $0.get("name") }
    }

    /// Whether there is such a region, whatever its zones.
    func hasRegion(_ name: String) async throws -> Bool {
        try await !database.query("SELECT 1 FROM compute.cells WHERE name = \(name)").isEmpty
    }
}
