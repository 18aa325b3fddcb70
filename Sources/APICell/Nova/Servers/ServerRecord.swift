import CloudModel
import Database
import Foundation

/// A server's row as it is read: what Nova owns and what the feeds wrote beside it.
struct ServerRecord: Sendable {
    let id: ServerID
    let project: ProjectID
    let user: UserID
    let name: String
    let description: String?
    let flavor: FlavorID
    let image: ImageID?
    let keyName: String?
    /// A JSON object, as the database holds it.
    let metadata: String
    let tags: [String]
    let accessIPv4: String?
    let accessIPv6: String?
    let configDrive: Bool
    let locked: Bool
    let reservation: String
    let hostname: String
    let created: Timestamp
    let updated: Timestamp
    let standing: ServerStanding
    let mapping: String
    let cell: CellName?
    let host: HostName?
    /// SHA-224 of project and host, so that a tenant can tell hosts apart and no more; empty without a host.
    let hostHash: String
    /// Where it runs, or the zone it asked for while it runs nowhere.
    let zone: ZoneName?
    let homeRegion: String?
    let instanceName: String?
    let launched: Timestamp?
    let terminated: Timestamp?
    let deleted: Timestamp?
    let reported: Timestamp?
    let fault: ServerFault?

    /// Selected by every statement that reads servers, from a table called `s`.
    static let columns = """
        s.id, s.project, s.user_id, s.name, s.description, s.flavor_id, s.image_id, s.key_name, s.metadata::text AS metadata,
        s.tags, s.access_ipv4, s.access_ipv6, s.config_drive, s.locked, s.reservation_id, s.spec->>'hostname' AS hostname,
        s.created_at, greatest(s.updated_at, s.reported_at, s.verdict_at) AS updated_at,
        s.last_action, s.last_verb, s.last_reboot_hard, s.verdict, s.done_through, s.progress, s.vm_state, s.power_state,
        s.mapping, s.cell, s.host,
        CASE WHEN s.host IS NULL THEN '' ELSE encode(sha224(convert_to(s.project || s.host, 'UTF8')), 'hex') END AS host_hash,
        coalesce(s.host_zone, s.zone) AS zone, s.home_region, s.instance_name, s.launched_at, s.terminated_at, s.deleted_at, s.reported_at,
        s.fault::text AS fault, s.verdict_message, s.verdict_at
        """

    init(_ row: Row) throws {
        id = try row.get("id")
        project = try row.get("project")
        user = try row.get("user_id")
        name = try row.get("name")
        description = try row.get("description")
        flavor = try row.get("flavor_id")
        image = try row.get("image_id")
        keyName = try row.get("key_name")
        metadata = try row.get("metadata")
        tags = try row.get("tags")
        accessIPv4 = try row.get("access_ipv4")
        accessIPv6 = try row.get("access_ipv6")
        configDrive = try row.get("config_drive")
        locked = try row.get("locked")
        reservation = try row.get("reservation_id")
        hostname = try row.get("hostname") ?? ""
        created = try row.get("created_at")
        updated = try row.get("updated_at")
        standing = try ServerStanding(row)
        mapping = try row.get("mapping")
        cell = try row.get("cell")
        host = try row.get("host")
        hostHash = try row.get("host_hash")
        zone = try row.get("zone")
        homeRegion = try row.get("home_region")
        instanceName = try row.get("instance_name")
        launched = try row.get("launched_at")
        terminated = try row.get("terminated_at")
        deleted = try row.get("deleted_at")
        reported = try row.get("reported_at")
        fault = try ServerFault(row)
    }

    /// Nova's `status`: that of the standing, unless nothing is left of the server.
    var status: String { deleted == nil ? standing.status : "DELETED" }
    var vmState: String { deleted == nil ? standing.shownVMState.rawValue : VMState.deleted.rawValue }
    var taskState: String? { deleted == nil ? standing.taskState : nil }
}

extension ServerStanding {
    /// From a row that selected the standing's columns under their own names.
    init(_ row: Row) throws {
        self.init(
            lastAction: try row.get("last_action"), lastVerb: try row.get("last_verb"),
            lastRebootIsHard: try row.get("last_reboot_hard"), verdict: try row.get("verdict"),
            doneThrough: try row.get("done_through"), progress: try row.get("progress"), vmState: try row.get("vm_state"),
            powerState: try row.get("power_state"))
    }

    static let columns =
        "last_action, last_verb, last_reboot_hard, verdict, done_through, progress, vm_state, power_state"
}

/// Why a server is in ERROR: the cell's word, or the API cell's own.
struct ServerFault: Sendable, Hashable {
    let code: Int
    let message: String
    let at: Timestamp

    init?(_ row: Row) throws {
        if let verdictAt: Timestamp = try row.get("verdict_at") {
            code = 500
            message = try row.get("verdict_message") ?? "No valid host was found."
            at = verdictAt
        } else if let text: String = try row.get("fault") {
            let stored = try JSONDecoder().decode(Stored.self, from: Data(text.utf8))
            code = stored.code
            message = stored.message
            at = stored.at
        } else {
            return nil
        }
    }

    /// `ServerReport.Fault`, as the feed's applier keeps it.
    private struct Stored: Decodable {
        let code: Int
        let message: String
        let at: Timestamp
    }
}
