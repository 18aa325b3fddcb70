internal import CellProtocol
internal import CloudModel
internal import Database

/// Claims: the room that servers have on hosts. Each change locks its hosts' rows in the order of their names and keeps their sums
/// in the same transaction, so that a host is never promised twice.
package struct ClaimStore: Sendable {
    package init() {}

    struct Claim: Sendable, Hashable {
        let server: ServerID
        let epoch: PlacementEpoch
        let host: HostName
        let zone: ZoneName
    }

    /// One wish: the first host of these that has room.
    struct Wish: Sendable {
        let server: ServerID
        let epoch: PlacementEpoch
        let size: ResourceSize
        let group: GroupConstraint?
        var hosts: [HostName]
    }

    /// What a transaction changed of hosts, for the conductor's copy of them.
    struct Change: Sendable {
        /// What is used on these hosts now.
        var used: [HostName: ResourceSize] = [:]
        /// How many more servers of a group a host has.
        var members: [Member: Int] = [:]

        static let none = Change()

        struct Member: Hashable, Sendable {
            let host: HostName
            let group: ServerGroupID
        }

        static func += (left: inout Change, right: Change) {
            left.used.merge(right.used) { $1 }
            left.members.merge(right.members, uniquingKeysWith: +)
        }
    }

    /// The claims there are for these servers, locked: one whose time is over can't end under us.
    func existing(_ servers: [ServerID], in transaction: Transaction) async throws -> [ServerID: Claim] {
        let rows = try await transaction.query(
            """
            SELECT c.server, c.epoch, c.host, h.zone FROM cell.claims c JOIN cell.hosts h ON h.name = c.host
            WHERE c.server = ANY(\(servers)) ORDER BY c.server FOR UPDATE OF c
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                let claim = try Claim(
                    server: row.get("server"), epoch: row.get("epoch"), host: row.get("host"), zone: row.get("zone"))
                return (claim.server, claim)
            })
    }

    /// Grants each wish the first of its hosts that is enabled, up and has room, in the order of the wishes. Several servers on one
    /// host are counted together; a wish whose first hosts are all full gets none. A server that has a claim already keeps that.
    func claim(
        _ wishes: [Wish], until expiry: Timestamp?, in transaction: Transaction
    ) async throws -> (claims: [ServerID: HostName], change: Change) {
        // Groups first: whoever else places a member waits here, so that the count below holds until we commit.
        let groups = Set(wishes.compactMap(\.group?.id)).sorted()
        for group in groups {
            try await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended(\(group.description), 0))")
        }
        var members: [ServerGroupID: [HostName: Int]] = [:]
        if !groups.isEmpty {
            let rows = try await transaction.query(
                "SELECT group_id, host, count(*) AS servers FROM cell.claims WHERE group_id = ANY(\(groups)) GROUP BY 1, 2")
            for row in rows {
                members[try row.get("group_id") as ServerGroupID, default: [:]][try row.get("host")] = Int(
                    try row.get("servers") as Int64)
            }
        }
        let names = Set(wishes.flatMap { $0.hosts.prefix(Self.hostsLocked) }).sorted()
        let rows = try await transaction.query(
            """
            SELECT name, total_vcpus - used_vcpus AS vcpus, total_ram - used_ram AS ram, total_disk - used_disk AS disk
            FROM cell.hosts WHERE name = ANY(\(names)) AND enabled AND up ORDER BY name FOR UPDATE
            """)
        var free: [HostName: ResourceSize] = [:]
        for row in rows {
            free[try row.get("name")] = try ResourceSize(
                vcpus: Int(row.get("vcpus") as Int32), ram: Int(row.get("ram") as Int32), disk: Int(row.get("disk") as Int32))
        }
        var granted: [ServerID: HostName] = [:]
        var claims: [ClaimRow] = []
        for wish in wishes {
            let host = wish.hosts.prefix(Self.hostsLocked).first { host in
                guard let room = free[host], wish.size.fits(in: room) else { return false }
                return allows(wish.group, wish.group.flatMap { members[$0.id] } ?? [:], host)
            }
            guard let host else { continue }
            free[host] = (free[host] ?? .zero) - wish.size
            if let group = wish.group { members[group.id, default: [:]][host, default: 0] += 1 }
            granted[wish.server] = host
            claims.append(ClaimRow(wish, host))
        }
        guard !claims.isEmpty else { return (try await hosts(claimedFor: wishes.map(\.server), in: transaction), .none) }
        let written = try await transaction.query(
            """
            INSERT INTO cell.claims (server, epoch, host, vcpus, ram, disk, group_id, expires_at)
            SELECT server, epoch, host, vcpus, ram, disk, group_id, \(expiry)
            FROM jsonb_to_recordset(\(json: claims)) AS r(
                server uuid, epoch bigint, host text, vcpus int, ram int, disk int, group_id uuid)
            ON CONFLICT (server) DO NOTHING RETURNING server, host, vcpus, ram, disk, group_id
            """)
        // A question that came twice at the same time: the other one has claimed for these, maybe the last room there was.
        let ours = Set(try written.map { try $0.get("server") as ServerID })
        let others = wishes.map(\.server).filter { !ours.contains($0) }
        for server in others { granted[server] = nil }
        if !others.isEmpty { granted.merge(try await hosts(claimedFor: others, in: transaction)) { $1 } }
        return (granted, try await add(written, times: 1, in: transaction))
    }

    private func hosts(claimedFor servers: [ServerID], in transaction: Transaction) async throws -> [ServerID: HostName] {
        let rows = try await transaction.query("SELECT server, host FROM cell.claims WHERE server = ANY(\(servers))")
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.get("server"), try $0.get("host")) })
    }

    /// Makes claims last: their creates have been stored.
    func confirm(_ servers: [ServerID], in transaction: Transaction) async throws {
        try await transaction.query("UPDATE cell.claims SET expires_at = NULL WHERE server = ANY(\(servers))")
    }

    /// Gives the room of these servers back.
    func release(_ servers: [ServerID], in transaction: Transaction) async throws -> Change {
        guard !servers.isEmpty else { return .none }
        let rows = try await transaction.query(
            "DELETE FROM cell.claims WHERE server = ANY(\(servers)) RETURNING host, vcpus, ram, disk, group_id")
        return try await add(rows, times: -1, in: transaction)
    }

    /// Gives back what was reserved and never followed by a create.
    func releaseExpired(at now: Timestamp, in transaction: Transaction) async throws -> Change {
        let rows = try await transaction.query(
            """
            DELETE FROM cell.claims WHERE server IN (
                SELECT server FROM cell.claims WHERE expires_at < \(now) LIMIT 500 FOR UPDATE SKIP LOCKED)
            RETURNING host, vcpus, ram, disk, group_id
            """)
        return try await add(rows, times: -1, in: transaction)
    }

    /// Writes claims anew for servers that are known to be on these hosts, whatever the room: after a restore.
    func restore(_ records: [ServerRecord], in transaction: Transaction) async throws -> Change {
        let claims = records.compactMap { record in
            record.host.map { host in
                ClaimRow(
                    Wish(
                        server: record.id, epoch: record.epoch, size: record.spec.flavor.size, group: record.spec.group,
                        hosts: []), host)
            }
        }
        guard !claims.isEmpty else { return .none }
        let rows = try await transaction.query(
            """
            INSERT INTO cell.claims (server, epoch, host, vcpus, ram, disk, group_id)
            SELECT r.server, r.epoch, r.host, r.vcpus, r.ram, r.disk, r.group_id
            FROM jsonb_to_recordset(\(json: claims)) AS r(
                server uuid, epoch bigint, host text, vcpus int, ram int, disk int, group_id uuid)
            JOIN cell.hosts h ON h.name = r.host
            ON CONFLICT (server) DO NOTHING RETURNING host, vcpus, ram, disk, group_id
            """)
        return try await add(rows, times: 1, in: transaction)
    }

    // MARK: - Sums

    /// Of each ranking. More would make what gives room back wait for hosts that are hardly ever needed; with fewer, servers would more
    /// often be ranked again (`ClaimRoom`).
    private static let hostsLocked = 5

    /// Adds the sizes of these claims to their hosts' sums (or takes them off), and counts their groups' members.
    private func add(_ claims: Rows, times sign: Int, in transaction: Transaction) async throws -> Change {
        guard !claims.isEmpty else { return .none }
        var sums: [HostName: ResourceSize] = [:]
        var change = Change()
        for row in claims {
            let host: HostName = try row.get("host")
            let size = try ResourceSize(
                vcpus: Int(row.get("vcpus") as Int32), ram: Int(row.get("ram") as Int32), disk: Int(row.get("disk") as Int32))
            sums[host] = sign > 0 ? (sums[host] ?? .zero) + size : (sums[host] ?? .zero) - size
            if let group: ServerGroupID = try row.get("group_id") {
                change.members[Change.Member(host: host, group: group), default: 0] += sign
            }
        }
        let names = sums.keys.sorted()
        try await transaction.query("SELECT 1 FROM cell.hosts WHERE name = ANY(\(names)) ORDER BY name FOR UPDATE")
        let rows = try await transaction.query(
            """
            UPDATE cell.hosts h SET used_vcpus = used_vcpus + r.vcpus, used_ram = used_ram + r.ram, used_disk = used_disk + r.disk
            FROM jsonb_to_recordset(\(json: sums.map { SizeRow($0.key, $0.value) })) AS r(name text, vcpus int, ram int, disk int)
            WHERE h.name = r.name RETURNING h.name, used_vcpus, used_ram, used_disk
            """)
        for row in rows {
            change.used[try row.get("name")] = try ResourceSize(
                vcpus: Int(row.get("used_vcpus") as Int32), ram: Int(row.get("used_ram") as Int32),
                disk: Int(row.get("used_disk") as Int32))
        }
        return change
    }

    private func allows(_ group: GroupConstraint?, _ members: [HostName: Int], _ host: HostName) -> Bool {
        switch group?.policy {
        case .antiAffinity: members[host, default: 0] < (group?.maxServersPerHost ?? 1)
        case .affinity: members.isEmpty || members[host] != nil
        case .softAffinity, .softAntiAffinity, nil: true
        }
    }

    private struct SizeRow: Encodable, Sendable {
        let name: HostName
        let vcpus, ram, disk: Int

        init(_ name: HostName, _ size: ResourceSize) {
            self.name = name
            (vcpus, ram, disk) = (size.vcpus, size.ram, size.disk)
        }
    }

    private struct ClaimRow: Encodable, Sendable {
        let server: ServerID
        let epoch: PlacementEpoch
        let host: HostName
        let vcpus, ram, disk: Int
        let group_id: ServerGroupID?

        init(_ wish: Wish, _ host: HostName) {
            server = wish.server
            epoch = wish.epoch
            self.host = host
            vcpus = wish.size.vcpus
            ram = wish.size.ram
            disk = wish.size.disk
            group_id = wish.group?.id
        }
    }
}
