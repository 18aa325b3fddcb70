import CloudModel
import Database

/// Reads and changes servers' rows. Writes Nova's columns only.
struct ServerStore: Sendable {
    let database: Database
    /// What is said of a cell's hosts without contact for longer is not known to be so.
    let regionSilent: Duration

    /// More than any plain substring takes over a full page. Longer lets one tenant's pattern keep a connection from the others.
    private static let patternTimeout = "1s"

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
        if filter.name != nil || filter.description != nil {
            return try await matching(conditions, filter)
        }
        return try await database.query(Self.page(conditions, filter)).map(ServerRecord.init)
    }

    /// Regular expressions can be made to take for ever: they get a time of their own.
    private func matching(_ conditions: [SQL], _ filter: ServerFilter) async throws -> [ServerRecord] {
        do {
            return try await database.transaction { transaction in
                try await transaction.query("SET LOCAL statement_timeout = '\(unsafe: Self.patternTimeout)'")
                return try await transaction.query(Self.page(conditions, filter)).map(ServerRecord.init)
            }
        } catch let error as DatabaseError where error.sqlState == .queryCanceled {
            throw CloudError(
                .badRequest,
                "A filter's regular expression takes too long to match. Use a simpler one, or the beginning of it alone.",
                cause: error)
        }
    }

    private static func page(_ conditions: [SQL], _ filter: ServerFilter) -> SQL {
        let order = filter.sorting.map { "\($0.key.column) \($0.ascending ? "ASC" : "DESC")" }.joined(separator: ", ")
        return """
            SELECT \(unsafe: ServerRecord.columns)
            FROM compute.servers AS s
            WHERE \(SQL.joined(conditions, by: " AND "))
            ORDER BY \(unsafe: order)
            LIMIT \(filter.limit + 1)
            """
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

    /// `host_status` of these servers' hosts, as of now.
    func hostStatuses(of servers: [ServerRecord], at now: Timestamp) async throws -> [HostName: HostStatus] {
        let hosts = Set(servers.compactMap(\.host)).sorted()
        guard !hosts.isEmpty else { return [:] }
        let rows = try await database.query(
            """
            SELECT h.name, h.report ->> 'up' = 'true' AS up, coalesce(NOT h.wanted_disabled, h.report ->> 'enabled' = 'true') AS enabled,
                k.last_contact
            FROM compute.hosts AS h LEFT JOIN compute.cell_contacts AS k ON k.cell = h.cell WHERE h.name = ANY(\(hosts))
            """)
        var statuses: [HostName: HostStatus] = [:]
        for row in rows {
            let contact: Timestamp? = try row.get("last_contact")
            statuses[try row.get("name")] = try HostStatus(
                isUp: row.get("up"), isEnabled: row.get("enabled"),
                isHeard: contact.map { now - $0 < regionSilent } ?? false)
        }
        return statuses
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

    func lock(_ id: ServerID, by owner: LockOwner, at now: Timestamp) async throws {
        try await database.query(
            """
            UPDATE compute.servers SET locked = true, locked_by = \(owner.rawValue), updated_at = \(now)
            WHERE id = \(id) AND deleted_at IS NULL
            """)
    }

    /// Takes off the lock of whom the caller was found to be allowed to overrule; another's that came meanwhile stays.
    func unlock(_ id: ServerID, lockedBy: LockOwner?, at now: Timestamp) async throws {
        try await database.query(
            """
            UPDATE compute.servers SET locked = false, locked_by = NULL, updated_at = \(now)
            WHERE id = \(id) AND deleted_at IS NULL AND locked_by IS NOT DISTINCT FROM \(lockedBy?.rawValue)
            """)
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
