import CellProtocol
import CloudModel
import Database
import Foundation

/// A compute host as the API shows it: the cell's last report, beside how long ago the cell was heard.
struct HostRecord: Sendable {
    /// Nova's id of the hypervisor and of the service, the same number.
    let number: Int64
    let report: HostReport
    let cell: CellName
    let lastContact: Timestamp?
    /// What an administrator asked for; nil: nothing.
    let wantedDisabled: Bool?
    let wantedReason: String?

    static let selection: SQL = """
        SELECT h.number, h.report::text AS report, h.cell, k.last_contact, h.wanted_disabled, h.wanted_reason
        FROM compute.hosts AS h LEFT JOIN compute.cell_contacts AS k ON k.cell = h.cell
        """

    init(_ row: Row) throws {
        number = try row.get("number")
        report = try row.json("report")
        cell = try row.get("cell")
        lastContact = try row.get("last_contact")
        wantedDisabled = try row.get("wanted_disabled")
        wantedReason = try row.get("wanted_reason")
    }

    /// Up only when its cell says so and the cell itself was heard lately: a host of a silent cell stays listed, `down`.
    func isUp(at now: Timestamp, silentAfter: Duration) -> Bool {
        guard report.up, let lastContact else { return false }
        return now - lastContact < silentAfter
    }

    /// An administrator's word shows at once, before the cell has carried it out.
    var isEnabled: Bool { wantedDisabled.map { !$0 } ?? report.enabled }
    var disabledReason: String? { isEnabled ? nil : wantedReason ?? report.disabledReason }

    /// When it was last heard. A cell tells changes only: while it says up, its own last word vouches for the host.
    var lastSeen: Timestamp {
        guard let lastContact else { return report.lastSeen }
        return report.up ? lastContact : min(report.lastSeen, lastContact)
    }
}

/// Reads hosts, and writes what administrators want of them.
struct HostStore: Sendable {
    let database: Database

    func hosts() async throws -> [HostRecord] {
        try await database.query("\(HostRecord.selection) ORDER BY h.number").map(HostRecord.init)
    }

    func host(_ name: HostName) async throws -> HostRecord? {
        try await database.query("\(HostRecord.selection) WHERE h.name = \(name)").first.map(HostRecord.init)
    }

    func host(number: Int64) async throws -> HostRecord? {
        try await database.query("\(HostRecord.selection) WHERE h.number = \(number)").first.map(HostRecord.init)
    }

    /// False when there is no such host.
    func want(disabled: Bool, reason: String?, of host: HostName) async throws -> Bool {
        try await database.query(
            "UPDATE compute.hosts SET wanted_disabled = \(disabled), wanted_reason = \(reason) WHERE name = \(host)"
        ).affected > 0
    }

    enum Removed: Sendable { case removed, notFound, isUp, hasServers }

    /// Forgets a host that its cell says is down and that has no servers. One that comes back is reported, and listed, again.
    func remove(number: Int64) async throws -> Removed {
        try await database.transaction { transaction in
            let found = try await transaction.query(
                """
                SELECT h.name, h.report ->> 'up' = 'true' AS up,
                    EXISTS (SELECT 1 FROM compute.servers AS s WHERE s.host = h.name AND s.deleted_at IS NULL) AS used
                FROM compute.hosts AS h WHERE h.number = \(number) FOR UPDATE OF h
                """)
            guard let row = found.first else { return .notFound }
            if try row.get("up") { return .isUp }
            if try row.get("used") { return .hasServers }
            try await transaction.query("DELETE FROM compute.hosts WHERE number = \(number)")
            return .removed
        }
    }

    /// The servers on a host, for `os-hypervisors/{id}/servers`.
    func servers(on host: HostName) async throws -> [(id: ServerID, name: String)] {
        try await database.query(
            "SELECT id, coalesce(instance_name, name) AS name FROM compute.servers WHERE host = \(host) AND deleted_at IS NULL ORDER BY id"
        ).map { (try $0.get("id"), try $0.get("name")) }
    }
}
