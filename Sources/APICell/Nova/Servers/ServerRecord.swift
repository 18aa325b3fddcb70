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
    /// Nil where nobody has locked it, or it was locked before this was written down.
    let lockedBy: LockOwner?
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
        s.tags, s.access_ipv4, s.access_ipv6, s.config_drive, s.locked, s.locked_by, s.reservation_id, s.spec->>'hostname' AS hostname,
        s.created_at, greatest(s.updated_at, s.reported_at, s.verdict_at) AS updated_at,
        s.last_action, s.last_verb, s.last_reboot_hard, s.verdict, s.done_through, s.progress, s.vm_state, s.power_state,
        s.mapping, s.cell, s.host, s.host_hash, coalesce(s.host_zone, s.zone) AS zone, s.home_region, s.instance_name, s.launched_at,
        s.terminated_at, s.deleted_at, s.reported_at, s.verdict_at, s.fault::text AS fault, s.verdict_message
        """

    init(_ row: Row) throws {
        id = ServerID(rawValue: try row.uuid("id"))
        project = ProjectID(rawValue: try row.text("project"))
        user = UserID(rawValue: try row.text("user_id"))
        name = try row.text("name")
        description = try row.textIfAny("description")
        flavor = FlavorID(rawValue: try row.text("flavor_id"))
        image = try row.uuidIfAny("image_id").map(ImageID.init(rawValue:))
        keyName = try row.textIfAny("key_name")
        metadata = try row.text("metadata")
        tags = try row.texts("tags")
        accessIPv4 = try row.textIfAny("access_ipv4")
        accessIPv6 = try row.textIfAny("access_ipv6")
        configDrive = try row.flag("config_drive")
        locked = try row.flag("locked")
        lockedBy = try row.textIfAny("locked_by").flatMap(LockOwner.init(rawValue:))
        reservation = try row.text("reservation_id")
        hostname = try row.textIfAny("hostname") ?? ""
        created = try row.time("created_at")
        updated = try row.time("updated_at")
        standing = try ServerStanding(row)
        mapping = try row.text("mapping")
        cell = try row.textIfAny("cell").map(CellName.init(rawValue:))
        host = try row.textIfAny("host").map(HostName.init(rawValue:))
        hostHash = try row.text("host_hash")
        zone = try row.textIfAny("zone").map(ZoneName.init(rawValue:))
        homeRegion = try row.textIfAny("home_region")
        instanceName = try row.textIfAny("instance_name")
        launched = try row.timeIfAny("launched_at")
        terminated = try row.timeIfAny("terminated_at")
        deleted = try row.timeIfAny("deleted_at")
        reported = try row.timeIfAny("reported_at")
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
            lastAction: try row.number("last_action"), lastVerb: try known(row.text("last_verb")),
            lastRebootIsHard: try row.flag("last_reboot_hard"), verdict: try row.textIfAny("verdict").map(known),
            doneThrough: try row.number("done_through"), progress: try row.textIfAny("progress"),
            vmState: try known(row.text("vm_state")), powerState: try known(row.number("power_state")))
    }

    static let columns =
        "last_action, last_verb, last_reboot_hard, verdict, done_through, progress, vm_state, power_state"
}

/// The case that a column names. Here and not in `Row`, so that the compiler makes one for each of the types: reading a thousand rows would
/// else ask for the types' descriptions at every value.
private func known<Case: RawRepresentable>(_ raw: Case.RawValue) throws -> Case {
    guard let value = Case(rawValue: raw) else {
        throw CloudError(
            .internalError, "The database holds something that this release doesn't know.", detail: "\(Case.self) \(raw)")
    }
    return value
}

/// Why a server is in ERROR: the cell's word, or the API cell's own.
struct ServerFault: Sendable, Hashable {
    let code: Int
    let message: String
    let at: Timestamp

    init?(_ row: Row) throws {
        if let verdictAt = try row.timeIfAny("verdict_at") {
            code = 500
            message = try row.textIfAny("verdict_message") ?? "No valid host was found."
            at = verdictAt
        } else if let text = try row.textIfAny("fault") {
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
