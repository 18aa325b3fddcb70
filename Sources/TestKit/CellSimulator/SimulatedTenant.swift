internal import CellProtocol
package import CloudModel
internal import ComputeRecords
internal import Database
internal import Foundation

/// What the API would have written, and what it would show: a tenant of a simulated federation.
extension SimulatedFederation {
    /// A server as the API shows it.
    package struct Shown: Sendable, Hashable {
        package var status: String
        package var task: String?
        package var cell: CellName?
        package var host: HostName?
        package var message: String?
        package var isDeleted: Bool
    }

    /// Accepts creates, as Nova does: rows, in one transaction, then a wake-up.
    package func accept(
        _ count: Int = 1, zone: ZoneName? = nil, project: ProjectID = "p1", ram: Int = 128, deadline: Duration = .seconds(600),
        affinity group: ServerGroupID? = nil
    ) async throws -> [ServerID] {
        let servers = (0..<count).map { _ in ServerID.random() }
        let flavor = Flavor(id: "1", name: "m1.tiny", vcpus: 1, ram: ram, disk: 1)
        let now = Timestamp.now()
        try await top.transaction { transaction in
            for (index, server) in servers.enumerated() {
                let spec = ServerSpec(
                    name: "s\(index)", hostname: "s\(index)", project: project, user: "u1", flavor: flavor, image: nil,
                    zone: zone, group: group.map { GroupConstraint(id: $0, policy: .affinity) })
                try await transaction.query(
                    """
                    INSERT INTO compute.servers (id, project, user_id, name, spec, flavor_id, vcpus, ram, zone, group_id, reservation_id, created_at, updated_at)
                    VALUES (\(server), \(project), 'u1', \(spec.name), \(json: spec), '1', 1, \(Int64(ram))::int, \(zone), \(group), 'r-1', \(now), \(now))
                    """)
                try await transaction.query(
                    """
                    INSERT INTO compute.server_actions (server, number, intent, verb, project, user_id, created_at, deadline)
                    VALUES (\(server), 1, \(IntentID.random()), 'create', \(project), 'u1', \(now), \(now + deadline))
                    """)
            }
        }
        try await top.notify(ComputeChannel.intents)
        return servers
    }

    /// Accepts an action, as Nova does; nil when it is refused with 409.
    @discardableResult
    package func act(_ verb: Verb, on server: ServerID, hard: Bool = false, deadline: Duration = .seconds(600)) async throws
        -> Int?
    {
        let now = Timestamp.now()
        let number: Int? = try await top.transaction { transaction in
            guard
                let row = try await transaction.query(
                    """
                    SELECT last_action, last_verb, last_reboot_hard, verdict, done_through, progress, vm_state, power_state, mapping
                    FROM compute.servers WHERE id = \(server) AND deleted_at IS NULL FOR UPDATE
                    """
                ).first
            else { return nil }
            let standing = try Self.standing(row)
            guard standing.accepts(verb, hardReboot: hard) else { return nil }
            let mapping: String = try row.get("mapping")
            if verb == .delete, mapping == "unplaced" {
                try await transaction.query(
                    "UPDATE compute.servers SET deleted_at = now(), last_verb = 'delete' WHERE id = \(server)")
                try await transaction.query(
                    "UPDATE compute.server_actions SET delivery = 'settled', state = 'interrupted' WHERE server = \(server)")
                return standing.lastAction + 1
            }
            guard verb == .delete || mapping != "unplaced" else { return nil }  // it never ran
            let next = standing.lastAction + 1
            try await transaction.query(
                """
                UPDATE compute.servers SET last_action = \(Int64(next))::int, last_verb = \(verb), last_reboot_hard = \(hard), updated_at = \(now)
                WHERE id = \(server)
                """)
            try await transaction.query(
                """
                INSERT INTO compute.server_actions (server, number, intent, verb, body, project, user_id, created_at, deadline)
                SELECT id, \(Int64(next))::int, \(IntentID.random()), \(verb), jsonb_build_object('hard', \(hard)), project, user_id, \(now),
                    \(verb == .delete ? nil : now + deadline) FROM compute.servers WHERE id = \(server)
                """)
            return next
        }
        try await top.notify(ComputeChannel.intents)
        return number
    }

    /// What the API shows of a server.
    package func show(_ server: ServerID) async throws -> Shown {
        guard
            let row = try await top.query(
                """
                SELECT last_action, last_verb, last_reboot_hard, verdict, verdict_message, done_through, progress, vm_state, power_state, cell, host,
                    fault, deleted_at IS NOT NULL AS deleted
                FROM compute.servers WHERE id = \(server)
                """
            ).first
        else { return Shown(status: "none", task: nil, cell: nil, host: nil, message: nil, isDeleted: true) }
        let standing = try Self.standing(row)
        let fault = try row.json("fault", as: ServerReport.Fault?.self)
        return try Shown(
            status: standing.status, task: standing.taskState, cell: row.get("cell"), host: row.get("host"),
            message: row.get("verdict_message") ?? fault?.message, isDeleted: row.get("deleted"))
    }

    /// How an action ended, by its report.
    package func outcome(of number: Int, on server: ServerID) async throws -> String? {
        try await top.query(
            "SELECT state FROM compute.server_actions WHERE server = \(server) AND number = \(Int64(number))::int"
        )
        .first?.get("state")
    }

    private static func standing(_ row: Row) throws -> ServerStanding {
        try ServerStanding(
            lastAction: Int(row.get("last_action") as Int32), lastVerb: row.get("last_verb"),
            lastRebootIsHard: row.get("last_reboot_hard"),
            verdict: row.get("verdict"), doneThrough: Int(row.get("done_through") as Int32), progress: row.get("progress"),
            vmState: row.get("vm_state"), powerState: PowerState(rawValue: Int(row.get("power_state") as Int32)) ?? .noState)
    }
}
