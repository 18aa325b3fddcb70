import CloudModel
import Database

/// Reads and changes servers' rows. Writes Nova's columns only.
struct ServerStore: Sendable {
    let database: Database

    /// Servers and, one more than the page when there is a next one, in the filter's order. Throws `CloudError(.badRequest)` for a
    /// marker that isn't there.
    func list(_ filter: ServerFilter) async throws -> [ServerRecord] {
        guard !filter.nothing, filter.limit > 0 else { return [] }
        var conditions = Self.conditions(filter)
        if let marker = filter.marker {
            let known = try await database.query(
                "SELECT 1 AS one FROM compute.servers AS s WHERE s.id = \(marker) AND \(Self.scope(filter))")
            guard !known.isEmpty else { throw CloudError(.badRequest, "marker [\(marker)] not found") }
            conditions.append(Self.after(marker, sorting: filter.sorting))
        }
        let order = filter.sorting.map { "\($0.key.column) \($0.ascending ? "ASC" : "DESC")" }.joined(separator: ", ")
        return try await database.query(
            """
            SELECT \(unsafe: ServerRecord.columns)
            FROM compute.servers AS s
            WHERE \(SQL.joined(conditions, by: " AND "))
            ORDER BY \(unsafe: order)
            LIMIT \(filter.limit + 1)
            """
        ).map(ServerRecord.init)
    }

    /// One server that is not deleted, of any project; nil when there is none.
    func server(_ id: ServerID, includingDeleted: Bool = false) async throws -> ServerRecord? {
        let condition: SQL = includingDeleted ? "" : " AND s.deleted_at IS NULL"
        return try await database.query(
            "SELECT \(unsafe: ServerRecord.columns) FROM compute.servers AS s WHERE s.id = \(id)\(condition)"
        ).first.map(ServerRecord.init)
    }

    /// When each cell was last in contact.
    func contacts() async throws -> [CellName: Timestamp] {
        var contacts: [CellName: Timestamp] = [:]
        for row in try await database.query("SELECT cell, last_contact FROM compute.cell_contacts") {
            contacts[try row.get(at: 0)] = try row.get(at: 1) as Timestamp
        }
        return contacts
    }

    // MARK: Changes of Nova's own columns

    /// Changes what isn't nil. An inner nil clears.
    func update(
        _ id: ServerID, name: String?, description: String??, accessIPv4: String??, accessIPv6: String??, at now: Timestamp
    ) async throws {
        var changes: [SQL] = ["updated_at = \(now)"]
        if let name { changes.append("name = \(name)") }
        if let description { changes.append("description = \(description)") }
        if let accessIPv4 { changes.append("access_ipv4 = \(accessIPv4)") }
        if let accessIPv6 { changes.append("access_ipv6 = \(accessIPv6)") }
        try await database.query(
            "UPDATE compute.servers SET \(SQL.joined(changes, by: ", ")) WHERE id = \(id) AND deleted_at IS NULL")
    }

    func setLocked(_ id: ServerID, _ locked: Bool, at now: Timestamp) async throws {
        try await database.query(
            "UPDATE compute.servers SET locked = \(locked), updated_at = \(now) WHERE id = \(id) AND deleted_at IS NULL")
    }

    // MARK: The listing's conditions

    private static func scope(_ filter: ServerFilter) -> SQL {
        var conditions: [SQL] = ["true"]
        if let project = filter.project { conditions.append("s.project = \(project)") }
        if let region = filter.homeRegion { conditions.append("s.home_region = \(region)") }
        return SQL.joined(conditions, by: " AND ")
    }

    private static func conditions(_ filter: ServerFilter) -> [SQL] {
        var conditions: [SQL] = [scope(filter)]
        if filter.deleted {
            conditions.append("s.deleted_at IS NOT NULL")
        } else if filter.changesSince == nil {
            conditions.append("s.deleted_at IS NULL")
        }
        if let since = filter.changesSince {
            conditions.append("greatest(s.updated_at, s.reported_at, s.verdict_at, s.deleted_at) >= \(since)")
        }
        if let user = filter.user { conditions.append("s.user_id = \(user)") }
        if let name = filter.name { conditions.append("s.name ~ \(name)") }
        if let name = filter.exactName { conditions.append("s.name = \(name)") }
        if let states = filter.vmStates {
            conditions.append("CASE WHEN s.verdict = 'error' THEN 'error' ELSE s.vm_state END = ANY(\(states)::text[])")
        }
        if let rebooting = filter.rebooting {
            conditions.append(
                """
                s.last_verb = 'reboot' AND s.done_through < s.last_action AND s.last_reboot_hard = \(rebooting == .hard)
                """)
        }
        if let state = filter.powerState { conditions.append("s.power_state = \(state)") }
        if let image = filter.image { conditions.append("s.image_id::text = \(image)") }
        if let flavor = filter.flavor { conditions.append("s.flavor_id = \(flavor)") }
        if let host = filter.host { conditions.append("s.host = \(host)") }
        if let zone = filter.zone { conditions.append("coalesce(s.host_zone, s.zone) = \(zone)") }
        if let ids = filter.ids { conditions.append("s.id = ANY(\(ids)::uuid[])") }
        if let reservation = filter.reservation { conditions.append("s.reservation_id = \(reservation)") }
        if let description = filter.description { conditions.append("s.description ~ \(description)") }
        if let key = filter.keyName { conditions.append("s.key_name = \(key)") }
        if let locked = filter.locked { conditions.append("s.locked = \(locked)") }
        if let drive = filter.configDrive { conditions.append("s.config_drive = \(drive)") }
        if let address = filter.accessIPv4 { conditions.append("s.access_ipv4 = \(address)") }
        if let address = filter.accessIPv6 { conditions.append("s.access_ipv6 = \(address)") }
        if let tags = filter.tags { conditions.append("s.tags @> \(tags)::text[]") }
        if let tags = filter.tagsAny { conditions.append("s.tags && \(tags)::text[]") }
        if let tags = filter.notTags { conditions.append("NOT s.tags @> \(tags)::text[]") }
        if let tags = filter.notTagsAny { conditions.append("NOT s.tags && \(tags)::text[]") }
        return conditions
    }

    /// What comes after the marker in that order: later in the first key, or equal there and later in the second, and so on.
    private static func after(_ marker: ServerID, sorting: [ServerFilter.Sorting]) -> SQL {
        var alternatives: [SQL] = []
        for (index, last) in sorting.enumerated() {
            var parts = sorting[..<index].map { "\($0.key.column) = \(ofMarker($0.key))" }
            parts.append("\(last.key.column) \(last.ascending ? ">" : "<") \(ofMarker(last.key))")
            alternatives.append(SQL(unsafe: "(\(parts.joined(separator: " AND ")))"))
        }
        return
            "EXISTS (SELECT 1 FROM compute.servers AS m WHERE m.id = \(marker) AND (\(SQL.joined(alternatives, by: " OR "))))"
    }

    private static func ofMarker(_ key: ServerFilter.Key) -> String {
        key.column.replacing("s.", with: "m.")
    }
}
