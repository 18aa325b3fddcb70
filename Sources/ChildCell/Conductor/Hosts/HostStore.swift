internal import CellProtocol
internal import CloudModel
internal import Database

/// The hosts of the cell, in its database.
package struct HostStore: Sendable {
    package init() {}

    /// A host's row.
    struct Host: Sendable, Hashable {
        var name: HostName
        var inventory: HostInventory
        var total: ResourceSize
        var used: ResourceSize
        var enabled: Bool
        var disabledReason: String?
        var up: Bool
        var lastSeen: Timestamp
        var release: String
        var revision: Int64
        /// Server group → its servers here; only of hosts that have any.
        var groups: [String: Int] = [:]

        var state: HostState {
            HostState(
                name: name, zone: inventory.zone, enabled: enabled, up: up, total: total, used: used, traits: inventory.traits,
                cachedImages: inventory.cachedImages, groups: groups)
        }

        func report(servers: Int) -> HostReport {
            HostReport(
                name: name, revision: revision, inventory: inventory, used: used, servers: servers, enabled: enabled,
                disabledReason: disabledReason, up: up, lastSeen: lastSeen, release: release)
        }
    }

    /// All hosts.
    func all(in database: Database) async throws -> [Host] {
        try await database.query("SELECT * FROM cell.hosts ORDER BY name").map(Self.host)
    }

    /// These hosts, with how many servers each has.
    func reports(of names: [HostName], in database: Database) async throws -> [HostReport] {
        try await database.query(
            """
            SELECT h.*, (SELECT count(*) FROM cell.claims c WHERE c.host = h.name) AS servers
            FROM cell.hosts h WHERE name = ANY(\(names))
            """
        ).map { try Self.host($0).report(servers: Int(try $0.get("servers") as Int64)) }
    }

    /// Writes down what a host says it has; what it is used for stays.
    func upsert(_ hosts: [Host], in database: Database) async throws -> [Host] {
        let given = hosts.map(HostRow.init)
        return try await database.query(
            """
            WITH given AS (
                SELECT * FROM jsonb_to_recordset(\(json: given)) AS r(
                    name text, zone text, inventory jsonb, vcpus int, ram int, disk int, release text, seen bigint)
            ), saved AS (
                INSERT INTO cell.hosts AS h (name, zone, inventory, total_vcpus, total_ram, total_disk, release, last_seen, up)
                SELECT name, zone, inventory, vcpus, ram, disk, release, 'epoch'::timestamptz + seen * interval '1 microsecond', true
                FROM given ORDER BY name
                ON CONFLICT (name) DO UPDATE SET zone = excluded.zone, inventory = excluded.inventory,
                    total_vcpus = excluded.total_vcpus, total_ram = excluded.total_ram, total_disk = excluded.total_disk,
                    release = excluded.release, last_seen = excluded.last_seen, up = true, revision = h.revision + 1
                RETURNING *
            ), told AS (
                INSERT INTO cell.feed_outbox (feed, kind, object) SELECT 'up', 'host', name FROM saved
            )
            SELECT * FROM saved
            """
        ).map(Self.host)
    }

    /// Notes hosts that have come into contact or fallen silent.
    func setUp(_ up: Bool, _ hosts: [HostName], at now: Timestamp, in database: Database) async throws {
        try await database.query(
            """
            WITH locked AS (
                SELECT name FROM cell.hosts WHERE name = ANY(\(hosts)) AND up <> \(up) ORDER BY name FOR UPDATE
            ), changed AS (
                UPDATE cell.hosts h SET up = \(up), last_seen = CASE WHEN \(up) THEN \(now) ELSE last_seen END, revision = revision + 1
                FROM locked WHERE h.name = locked.name RETURNING h.name
            )
            INSERT INTO cell.feed_outbox (feed, kind, object) SELECT 'up', 'host', name FROM changed
            """)
    }

    /// An operator's enable or disable. Of a host that isn't known yet there is nothing to write; it is told again when it joins the API
    /// cell's list.
    func setEnabled(_ standing: HostStanding, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            WITH changed AS (
                UPDATE cell.hosts SET enabled = \(standing.enabled), disabled_reason = \(standing.reason), revision = revision + 1
                WHERE name = \(standing.host) RETURNING name
            )
            INSERT INTO cell.feed_outbox (feed, kind, object) SELECT 'up', 'host', name FROM changed
            """)
    }

    /// Tells the API cell anew what is used on these hosts.
    func announce(_ hosts: [HostName], at now: Timestamp, in database: Database) async throws {
        try await database.query(
            """
            WITH locked AS (
                SELECT name FROM cell.hosts WHERE name = ANY(\(hosts)) ORDER BY name FOR UPDATE
            ), changed AS (
                UPDATE cell.hosts h SET revision = revision + 1, last_seen = CASE WHEN up THEN \(now) ELSE last_seen END
                FROM locked WHERE h.name = locked.name RETURNING h.name
            )
            INSERT INTO cell.feed_outbox (feed, kind, object) SELECT 'up', 'host', name FROM changed
            """)
    }

    /// How many servers of each group each host has.
    func groups(in database: Database) async throws -> [HostName: [String: Int]] {
        let rows = try await database.query(
            "SELECT host, group_id, count(*) AS servers FROM cell.claims WHERE group_id IS NOT NULL GROUP BY 1, 2")
        var groups: [HostName: [String: Int]] = [:]
        for row in rows {
            let group: ServerGroupID = try row.get("group_id")
            groups[try row.get("host"), default: [:]][group.description] = Int(try row.get("servers") as Int64)
        }
        return groups
    }

    private static func host(_ row: Row) throws -> Host {
        func size(_ prefix: String) throws -> ResourceSize {
            try ResourceSize(
                vcpus: Int(row.get("\(prefix)_vcpus") as Int32), ram: Int(row.get("\(prefix)_ram") as Int32),
                disk: Int(row.get("\(prefix)_disk") as Int32))
        }
        return try Host(
            name: row.get("name"), inventory: row.json("inventory"), total: size("total"), used: size("used"),
            enabled: row.get("enabled"), disabledReason: row.get("disabled_reason"), up: row.get("up"),
            lastSeen: row.get("last_seen"), release: row.get("release"), revision: row.get("revision"))
    }

    private struct HostRow: Encodable, Sendable {
        let name: HostName
        let zone: ZoneName
        let inventory: HostInventory
        let vcpus, ram, disk: Int
        let release: String
        let seen: Timestamp

        init(_ host: Host) {
            name = host.name
            zone = host.inventory.zone
            inventory = host.inventory
            vcpus = host.total.vcpus
            ram = host.total.ram
            disk = host.total.disk
            release = host.release
            seen = host.lastSeen
        }
    }
}
