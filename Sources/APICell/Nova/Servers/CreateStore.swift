import CellProtocol
import CloudModel
import Database
import Foundation

/// Stores creates: the quota is counted and the rows are written in one transaction, under a lock for each project, so that
/// creates side by side can't overrun it.
struct CreateStore: Sendable {
    let database: Database
    let defaults: QuotaLimits

    /// Answers each order, in their order. Throws when the database can't be reached; then none was stored.
    func insert(_ orders: [CreateOrder]) async throws -> [CreateOutcome] {
        let projects = Array(Set(orders.map(\.project))).sorted()
        let keys = orders.compactMap(\.idempotency)
        let groups = Array(Set(orders.flatMap { $0.servers.compactMap { $0.spec.group?.id } }))
        return try await database.transaction { transaction in
            let found = try await transaction.pipeline([
                Self.lockQuota(of: projects), Self.usage(of: projects), QuotaStore.limits(of: projects),
            ])
            var usage = try Self.readUsage(found[1])
            let limits = try QuotaStore.readLimits(found[2], defaults: defaults)
            var known: [UsedKey: UsedKey.Answer] = [:]
            if !keys.isEmpty { known = try UsedKey.read(try await transaction.query(Self.usedKeys(keys, of: projects))) }
            var members: [ServerGroupID: Int] = [:]
            if !groups.isEmpty { members = try Self.readMembers(try await transaction.query(Self.members(of: groups))) }

            var outcomes: [CreateOutcome] = []
            var accepted: [CreateOrder] = []
            for order in orders {
                if let key = order.idempotency, let used = known[UsedKey(project: order.project, key: key.key)] {
                    outcomes.append(
                        used.bodyHash == key.bodyHash ? .replayed(server: used.server, answer: used.answer) : .keyReused)
                    continue
                }
                let limit = limits[order.project] ?? limits[QuotaStore.defaultClass] ?? defaults
                if let refusal = usage[order.project, default: QuotaUsage()].take(order.asked, within: limit) {
                    outcomes.append(.overQuota(refusal))
                    continue
                }
                if let group = order.servers.first?.spec.group?.id {
                    guard
                        limit.serverGroupMembers < 0
                            || members[group, default: 0] + order.servers.count <= limit.serverGroupMembers
                    else {
                        outcomes.append(.groupFull)
                        continue
                    }
                    members[group, default: 0] += order.servers.count
                }
                if let key = order.idempotency, let first = order.servers.first {
                    known[UsedKey(project: order.project, key: key.key)] = UsedKey.Answer(
                        bodyHash: key.bodyHash, server: first.id, answer: key.answer)
                }
                accepted.append(order)
                outcomes.append(.stored)
            }
            guard !accepted.isEmpty else { return outcomes }
            let servers = accepted.flatMap(\.servers)
            var statements = [try Self.insertServers(servers), try Self.insertCreateActions(servers)]
            let used = accepted.filter { $0.idempotency != nil }
            if !used.isEmpty { statements += [Self.forgetOldKeys(of: projects), Self.insertKeys(used)] }
            _ = try await transaction.pipeline(statements)
            return outcomes
        }
    }

    /// Held to the end of the transaction; taken in the projects' order, so that two batches never wait for each other.
    private static func lockQuota(of projects: [ProjectID]) -> SQL {
        """
        SELECT pg_advisory_xact_lock(hashtextextended('compute.quota.' || project, 0))
        FROM unnest(\(projects.map(\.rawValue))::text[]) AS project
        """
    }

    static func usage(of projects: [ProjectID]) -> SQL {
        """
        SELECT project, count(*) AS instances, coalesce(sum(vcpus), 0)::bigint AS cores, coalesce(sum(ram), 0)::bigint AS ram
        FROM compute.servers
        WHERE deleted_at IS NULL AND project = ANY(\(projects.map(\.rawValue))::text[])
        GROUP BY project
        """
    }

    static func readUsage(_ rows: Rows) throws -> [ProjectID: QuotaUsage] {
        var usage: [ProjectID: QuotaUsage] = [:]
        for row in rows {
            usage[try row.get("project")] = QuotaUsage(
                instances: try row.get("instances"), cores: try row.get("cores"), ram: try row.get("ram"))
        }
        return usage
    }

    private static func members(of groups: [ServerGroupID]) -> SQL {
        """
        SELECT group_id, count(*) AS members FROM compute.servers
        WHERE deleted_at IS NULL AND group_id = ANY(\(groups.map(\.rawValue))::uuid[])
        GROUP BY group_id
        """
    }

    private static func readMembers(_ rows: Rows) throws -> [ServerGroupID: Int] {
        var members: [ServerGroupID: Int] = [:]
        for row in rows { members[try row.get("group_id")] = try row.get("members") }
        return members
    }

    private static func insertServers(_ servers: [NewServer]) throws -> SQL {
        let ids = servers.map(\.id.rawValue)
        let projects = servers.map(\.spec.project.rawValue)
        let users = servers.map(\.spec.user.rawValue)
        let names = servers.map(\.spec.name)
        let descriptions = servers.map(\.description)
        let specs = try servers.map { String(decoding: try CellCoding.encode($0.spec), as: UTF8.self) }
        let flavors = servers.map(\.spec.flavor.id.rawValue)
        let vcpus = servers.map(\.spec.flavor.vcpus)
        let ram = servers.map(\.spec.flavor.ram)
        let images = servers.map { $0.spec.image?.id.rawValue }
        let keys = servers.map(\.spec.keyName)
        let metadata = try servers.map { String(decoding: try CellCoding.encode($0.spec.metadata), as: UTF8.self) }
        let ipv4 = servers.map(\.accessIPv4)
        let ipv6 = servers.map(\.accessIPv6)
        let drives = servers.map(\.spec.configDrive)
        let zones = servers.map { $0.spec.zone?.rawValue }
        let homes = servers.map(\.homeRegion)
        let groups = servers.map { $0.spec.group?.id.rawValue }
        let reservations = servers.map(\.reservation)
        let times = servers.map(\.createdAt.microseconds)
        return """
            INSERT INTO compute.servers (id, project, user_id, name, description, spec, flavor_id, vcpus, ram, image_id, key_name,
                metadata, access_ipv4, access_ipv6, config_drive, zone, home_region, group_id, reservation_id, created_at, updated_at)
            SELECT id, project, user_id, name, description, spec::jsonb, flavor_id, vcpus, ram, image_id, key_name,
                metadata::jsonb, ipv4, ipv6, config_drive, zone, home, group_id, reservation, at, at
            FROM (
                SELECT *, timestamptz 'epoch' + microseconds * interval '1 microsecond' AS at
                FROM unnest(\(ids)::uuid[], \(projects)::text[], \(users)::text[], \(names)::text[], \(descriptions)::text[],
                    \(specs)::text[], \(flavors)::text[], \(vcpus)::bigint[], \(ram)::bigint[], \(images)::uuid[], \(keys)::text[],
                    \(metadata)::text[], \(ipv4)::text[], \(ipv6)::text[], \(drives)::bool[], \(zones)::text[], \(homes)::text[],
                    \(groups)::uuid[], \(reservations)::text[], \(times)::bigint[])
                AS new (id, project, user_id, name, description, spec, flavor_id, vcpus, ram, image_id, key_name, metadata,
                    ipv4, ipv6, config_drive, zone, home, group_id, reservation, microseconds)
            ) AS new
            """
    }

    private static func insertCreateActions(_ servers: [NewServer]) throws -> SQL {
        let ids = servers.map(\.id.rawValue)
        let intents = servers.map(\.intent.rawValue)
        let requests = servers.map { $0.request?.rawValue }
        let projects = servers.map(\.spec.project.rawValue)
        let users = servers.map(\.spec.user.rawValue)
        let times = servers.map(\.createdAt.microseconds)
        let deadlines = servers.map(\.deadline.microseconds)
        let steps = try servers.map { String(decoding: try CellCoding.encode($0.steps), as: UTF8.self) }
        return """
            INSERT INTO compute.server_actions (server, number, intent, request, verb, project, user_id, created_at, deadline, api_steps)
            SELECT server, 1, intent, request, 'create', project, user_id,
                timestamptz 'epoch' + created * interval '1 microsecond', timestamptz 'epoch' + deadline * interval '1 microsecond',
                steps::jsonb
            FROM unnest(\(ids)::uuid[], \(intents)::uuid[], \(requests)::text[], \(projects)::text[], \(users)::text[],
                \(times)::bigint[], \(deadlines)::bigint[], \(steps)::text[])
            AS new (server, intent, request, project, user_id, created, deadline, steps)
            """
    }

    /// The hash of a body and, when the key was used before, what was answered then. Asked before anything else is looked at: a
    /// replay must work when the image is gone meanwhile.
    func used(_ key: String, by project: ProjectID, body: [UInt8]) async throws -> (bodyHash: String, before: UsedKey.Answer?) {
        let rows = try await database.query(
            """
            SELECT encode(sha256(\(body)), 'hex') AS hash, used.body_hash, used.server, used.answer
            FROM (SELECT 1) AS one LEFT JOIN compute.idempotency_keys AS used
                ON used.project = \(project) AND used.key = \(key) AND used.created_at > now() - interval '24 hours'
            """)
        guard let row = rows.first else { return ("", nil) }
        guard let bodyHash: String = try row.get("body_hash") else { return (try row.get("hash"), nil) }
        return (
            try row.get("hash"),
            UsedKey.Answer(bodyHash: bodyHash, server: try row.get("server"), answer: try row.get("answer"))
        )
    }

    private static func usedKeys(_ keys: [IdempotencyKey], of projects: [ProjectID]) -> SQL {
        """
        SELECT project, key, body_hash, server, answer FROM compute.idempotency_keys
        WHERE project = ANY(\(projects.map(\.rawValue))::text[]) AND key = ANY(\(keys.map(\.key))::text[])
            AND created_at > now() - interval '24 hours'
        """
    }

    private static func forgetOldKeys(of projects: [ProjectID]) -> SQL {
        """
        DELETE FROM compute.idempotency_keys
        WHERE project = ANY(\(projects.map(\.rawValue))::text[]) AND created_at <= now() - interval '24 hours'
        """
    }

    private static func insertKeys(_ orders: [CreateOrder]) -> SQL {
        let projects = orders.map(\.project.rawValue)
        let keys = orders.map { $0.idempotency?.key ?? "" }
        let hashes = orders.map { $0.idempotency?.bodyHash ?? "" }
        let servers = orders.compactMap { $0.servers.first?.id.rawValue }
        let answers = orders.map { $0.idempotency?.answer ?? "" }
        return """
            INSERT INTO compute.idempotency_keys (project, key, body_hash, server, answer)
            SELECT * FROM unnest(\(projects)::text[], \(keys)::text[], \(hashes)::text[], \(servers)::uuid[], \(answers)::text[])
            """
    }
}

/// An idempotency key that a project used in the last 24 h, and what was answered then.
struct UsedKey: Hashable {
    let project: ProjectID
    let key: String

    struct Answer {
        let bodyHash: String
        let server: ServerID
        let answer: String
    }

    static func read(_ rows: Rows) throws -> [UsedKey: Answer] {
        var known: [UsedKey: Answer] = [:]
        for row in rows {
            known[UsedKey(project: try row.get("project"), key: try row.get("key"))] = Answer(
                bodyHash: try row.get("body_hash"), server: try row.get("server"), answer: try row.get("answer"))
        }
        return known
    }
}
