internal import CellProtocol
internal import CloudModel
internal import Database
internal import Foundation

/// Writes what cells report into the read model: the cell-owned columns, each only forwards. Statements, so that a batch's travel
/// together. Rows are named by `= ANY` beside the join with what is reported, which by itself would be found by reading the whole of a
/// small table.
struct ReportStore: Sendable {
    /// A server as it was before a report.
    struct Before: Sendable {
        let project: ProjectID
        let vmState: VMState
        let powerState: PowerState
        let lastVerb: Verb
        let epoch: PlacementEpoch
        let revision: Int64
    }

    /// Locks the rows of those of these servers that are mapped to the cell, in the order of their ids. Of another cell's servers it has
    /// nothing to say: neither a column nor an event.
    func locking(_ servers: [ServerID], of cell: CellName) -> SQL {
        """
        SELECT id, project, vm_state, power_state, last_verb, epoch, revision FROM compute.servers
        WHERE id = ANY(\(servers)) AND cell = \(cell) ORDER BY id FOR UPDATE
        """
    }

    /// What `locking` found.
    func read(_ rows: Rows) throws -> [ServerID: Before] {
        var before: [ServerID: Before] = [:]
        for row in rows {
            before[try row.get("id")] = try Before(
                project: row.get("project"), vmState: row.get("vm_state"),
                powerState: PowerState(rawValue: Int(row.get("power_state") as Int32)) ?? .noState,
                lastVerb: row.get("last_verb"),
                epoch: row.get("epoch"), revision: row.get("revision"))
        }
        return before
    }

    /// Servers as their cell sees them; nil when there are none. The cell's own word ends a verdict of ours. What a cell has refused to do
    /// it is done with.
    func writing(_ reports: [ServerReport], of cell: CellName) -> SQL? {
        guard !reports.isEmpty else { return nil }
        return """
            UPDATE compute.servers s SET revision = r.revision, done_through = greatest(s.done_through, r."doneThrough"), progress = r.progress,
                vm_state = r."vmState", power_state = r."powerState", host = r.host, host_zone = r.zone,
                instance_name = r."instanceName",
                launched_at = 'epoch'::timestamptz + r."launchedAt" * interval '1 microsecond',
                terminated_at = 'epoch'::timestamptz + r."terminatedAt" * interval '1 microsecond',
                reported_at = 'epoch'::timestamptz + r."updatedAt" * interval '1 microsecond', fault = r.fault,
                mapping = CASE WHEN r."launchedAt" IS NOT NULL THEN 'placed' ELSE s.mapping END,
                verdict = NULL, verdict_message = NULL, verdict_at = NULL,
                deleted_at = CASE WHEN r."vmState" = 'deleted' THEN coalesce(s.deleted_at, now()) END
            FROM jsonb_to_recordset(\(json: reports)) AS r(
                server uuid, epoch bigint, revision bigint, "doneThrough" int, progress text, "vmState" text, "powerState" int,
                host text, zone text, "instanceName" text, "launchedAt" bigint, "terminatedAt" bigint, "updatedAt" bigint, fault jsonb)
            WHERE s.id = r.server AND s.id = ANY(\(reports.map(\.server))) AND s.cell = \(cell) AND s.epoch = r.epoch
                AND s.revision < r.revision
            """
    }

    /// With servers that are gone now everything ends that was asked of them, of which the cell's own word may still come; nil when there
    /// are none.
    func settlingActions(of reports: [ServerReport]) -> SQL? {
        let gone = reports.filter { $0.vmState == .deleted }.map(\.server)
        guard !gone.isEmpty else { return nil }
        return """
            UPDATE compute.server_actions a SET delivery = 'settled', finished_at = now(),
                state = CASE WHEN a.verb = 'delete' THEN 'done' ELSE 'interrupted' END
            FROM compute.servers s
            WHERE s.id = ANY(\(gone)) AND s.deleted_at IS NOT NULL AND a.server = s.id AND a.server = ANY(\(gone))
                AND a.delivery <> 'settled'
            """
    }

    /// How actions went. Reports of an earlier placement don't count.
    func writing(_ reports: [ActionReport], of cell: CellName) -> SQL? {
        guard !reports.isEmpty else { return nil }
        let servers = Array(Set(reports.map(\.server)))
        return """
            UPDATE compute.server_actions a SET state = r.state, message = r.message,
                started_at = 'epoch'::timestamptz + r."startedAt" * interval '1 microsecond',
                finished_at = 'epoch'::timestamptz + r."finishedAt" * interval '1 microsecond', steps = r.steps,
                delivery = CASE WHEN r."finishedAt" IS NULL THEN 'stored' ELSE 'settled' END
            FROM jsonb_to_recordset(\(json: reports)) AS r(
                intent uuid, server uuid, epoch bigint, state text, message text, "startedAt" bigint, "finishedAt" bigint, steps jsonb),
                compute.servers s
            WHERE a.intent = r.intent AND a.server = r.server AND a.server = ANY(\(servers)) AND s.id = a.server AND s.id = ANY(\(servers))
                AND s.cell = \(cell) AND s.epoch = r.epoch
                AND (a.delivery <> 'settled' OR s.deleted_at IS NOT NULL AND a.steps = '[]' AND r."finishedAt" IS NOT NULL)
            """
    }

    /// Hosts as their cell sees them; nil when there are none. Returns those that came up or went down.
    func writing(_ reports: [HostReport], of cell: CellName) -> SQL? {
        guard !reports.isEmpty else { return nil }
        return """
            WITH before AS MATERIALIZED (
                SELECT name, report ->> 'up' AS up FROM compute.hosts WHERE name = ANY(\(reports.map(\.name)))
            ), written AS (
            INSERT INTO compute.hosts AS h (name, cell, revision, report)
            SELECT r ->> 'name', \(cell), (r ->> 'revision')::bigint, r FROM jsonb_array_elements(\(json: reports)) AS r
            ORDER BY 1
            ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, report = excluded.report
            WHERE h.cell = excluded.cell AND h.revision < excluded.revision
            RETURNING name, report ->> 'up' AS up
            )
            SELECT w.name, w.up = 'true' AS up FROM written w LEFT JOIN before b ON b.name = w.name
            WHERE w.up IS DISTINCT FROM b.up ORDER BY w.name
            """
    }

    /// What `writing` returned of hosts.
    func readEvents(ofHosts rows: Rows, in cell: CellName) throws -> [CloudEvent] {
        try rows.map { try CloudEvent(host: $0.get("name"), isUp: $0.get("up"), in: cell) }
    }
}

/// Something that happened, as `event watch` tells it. The names are those of Nova's notifications.
struct CloudEvent: Encodable, Sendable {
    struct Payload: Encodable, Sendable {
        var state: String?
        var host: HostName?
        var power: Int?
        var message: String?
    }
    let kind: String
    let project: ProjectID?
    let server: ServerID?
    let cell: CellName?
    let payload: Payload

    /// A host came up, or went down by its cell's word.
    init(host: HostName, isUp: Bool, in cell: CellName) {
        kind = isUp ? "host.up" : "host.down"
        project = nil
        server = nil
        self.cell = cell
        payload = Payload(host: host)
    }

    /// A server whose row was judged will not come up, by the API cell's own word.
    init(failed row: Row, _ message: String, in cell: CellName? = nil) throws {
        kind = "compute.instance.create.error"
        project = try row.get("project")
        server = try row.get("id")
        self.cell = cell
        payload = Payload(state: VMState.error.rawValue, message: message)
    }

    /// What a report changes that is worth telling; nil: nothing.
    init?(_ report: ServerReport, after before: ReportStore.Before, in cell: CellName) {
        guard report.epoch == before.epoch, report.revision > before.revision, report.refused == nil else { return nil }
        guard report.vmState != before.vmState || report.powerState != before.powerState else { return nil }
        switch (before.vmState, report.vmState) {
        case (.building, .active): kind = "compute.instance.create.end"
        case (.building, .error): kind = "compute.instance.create.error"
        case (_, .deleted): kind = "compute.instance.delete.end"
        case (.active, .stopped): kind = "compute.instance.power_off.end"
        case (.stopped, .active): kind = "compute.instance.power_on.end"
        case (_, .building), (_, .active), (_, .stopped), (_, .error): kind = "compute.instance.update"
        }
        project = before.project
        server = report.server
        self.cell = cell
        payload = Payload(
            state: report.vmState.rawValue, host: report.host, power: report.powerState.rawValue, message: report.fault?.message
        )
    }
}
