import APIConventions
import CloudModel

/// What OpenStack's own schemas have no room for: where servers are and how fresh that is, the timeline of a request, and why it
/// went where it went.
struct MeridianServers: Sendable {
    let servers: ServerStore
    let timelines: ActionTimelineStore
    let cells: CellStore
    let regionSilent: Duration

    // MARK: GET /meridian/v1/servers

    /// Filters and pages as `GET /servers` does. Every row says its region, and `as_of`: when its cell was last in contact.
    func list(_ request: NovaRequest) async throws -> [UInt8] {
        let filter = try ListServers.filter(request, rule: "os_compute_api:servers:detail:get_all_tenants")
        async let contacts = servers.contacts()
        var page = try await servers.list(filter)
        let isLast = page.count <= filter.limit
        if !isLast { page.removeLast(page.count - filter.limit) }
        let known = try await contacts
        var json = JSONWriter(capacity: page.count * 480 + 64)
        json.object {
            $0.array("servers") { for server in page { $0.object { write(server, known, request, to: &$0) } } }
            $0.field("next", isLast ? nil : page.last?.id.description)
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        async let contacts = servers.contacts()
        let server = try await find(request)
        let known = try await contacts
        var json = JSONWriter()
        json.object { $0.object("server") { write(server, known, request, to: &$0) } }
        return json.bytes
    }

    private func write(
        _ server: ServerRecord, _ contacts: [CellName: Timestamp], _ request: NovaRequest, to json: inout JSONWriter
    ) {
        json.field("id", server.id)
        json.field("name", server.name)
        json.field("project", server.project)
        json.field("region", server.cell)
        json.field("home_region", server.homeRegion)
        json.field("zone", server.zone)
        // Beyond Nova, which keeps it for administrators: in a federation a tenant may know where what is theirs runs. No other host's
        // name, and not what a region has.
        json.field("host", server.host)
        json.field("status", server.status)
        json.field("task", server.taskState)
        json.field("power", server.standing.powerState.name)
        json.field("created_at", server.created.description)
        json.field("reported_at", server.reported?.description)
        json.field("fault", server.status == "ERROR" ? server.fault?.message : nil)
        guard let cell = server.cell else {
            // Nobody else has a say in a server that isn't placed: what is shown is the truth of now.
            json.field("as_of", request.received.description)
            json.field("stale", false)
            return
        }
        json.field("as_of", contacts[cell]?.description)
        json.field("stale", contacts[cell].map { request.received - $0 >= regionSilent } ?? true)
    }

    // MARK: GET /meridian/v1/servers/{id}/trace

    /// The timeline of one action (`?action=n`, or `?request=req-…`; else the boot), across API, super-scheduler, cell and host.
    func trace(_ request: NovaRequest) async throws -> [UInt8] {
        let server = try await find(request)
        let action = try await action(of: server, request)
        let first = action.steps.first?.started ?? action.created
        let last = action.finished ?? action.steps.map(\.ended).max()
        var json = JSONWriter(capacity: 4_096)
        json.object {
            $0.field("server", server.id)
            $0.field("name", server.name)
            $0.field("action", action.number)
            $0.field("verb", action.verb.rawValue)
            $0.field("request", action.request?.rawValue)
            $0.field("state", action.shownState)
            $0.field("message", action.message)
            $0.field("accepted_at", action.created.description)
            $0.field("started_at", action.started?.description)
            $0.field("finished_at", action.finished?.description)
            $0.field("deadline", action.deadline?.description)
            $0.field("milliseconds", last.map { Double(($0 - first).inMicroseconds) / 1_000 })
            $0.array("steps") {
                for step in action.steps {
                    $0.object {
                        $0.field("name", step.name)
                        $0.array("classic") { for number in step.classic { $0.element(number) } }
                        $0.field("place", request.caller.isAdmin ? step.place : step.place.withoutHost)
                        $0.field("started_at", step.started.description)
                        $0.field("after_milliseconds", Double((step.started - first).inMicroseconds) / 1_000)
                        $0.field("milliseconds", Double((step.ended - step.started).inMicroseconds) / 1_000)
                        $0.field("note", step.note)
                    }
                }
            }
        }
        return json.bytes
    }

    private func action(of server: ServerRecord, _ request: NovaRequest) async throws -> ActionRecord {
        let found: ActionRecord?
        if let asked = request.query["request"] {
            found = try await timelines.action(of: server.id, request: RequestID(rawValue: asked))
        } else {
            let text = request.query["action"] ?? "1"
            guard text == "last" || Int(text) != nil else {
                throw CloudError(.badRequest, "action is a number, or last; \(text.prefix(20)) is neither.")
            }
            found = try await timelines.action(of: server.id, number: Int(text))
        }
        guard let found else { throw CloudError(.notFound, "The server \(server.id) has no such action.") }
        return found
    }

    // MARK: GET /meridian/v1/servers/{id}/explain

    /// Which cells and hosts were considered, and why not the others. Tenants read which rules, not which hosts.
    func explain(_ request: NovaRequest) async throws -> [UInt8] {
        let server = try await find(request)
        guard let action = try await timelines.action(of: server.id, number: 1) else {
            throw CloudError(.notFound, "The server \(server.id) has no create action.")
        }
        let ledger = request.caller.isAdmin ? action.ledger : action.ledger?.redacted
        var json = JSONWriter(capacity: 4_096)
        json.object {
            $0.field("server", server.id)
            $0.field("name", server.name)
            $0.field("status", server.status)
            $0.field("region", server.cell)
            $0.field("host", server.host)
            $0.field("asked_region", server.mapping == "unplaced" ? server.homeRegion : nil)
            $0.field("asked_zone", server.mapping == "unplaced" ? server.zone?.rawValue : nil)
            $0.field("verdict", server.fault?.message)
            $0.array("attempts") { for attempt in ledger?.attempts ?? [] { $0.object { Self.write(attempt, to: &$0) } } }
        }
        return json.bytes
    }

    private static func write(_ attempt: PlacementLedger.Attempt, to json: inout JSONWriter) {
        json.field("cell", attempt.cell)
        json.field("outcome", attempt.outcome.rawValue)
        json.field("at", attempt.at.description)
        json.field("host", attempt.host)
        json.field("reason", attempt.reason.map { reason in attempt.detail.map { "\(reason); \($0)" } ?? reason })
        json.field("weight", attempt.weight)
        guard let elimination = attempt.elimination else { return json.null("hosts") }
        json.object("hosts") {
            $0.field("considered", elimination.considered)
            $0.object("removed") {
                for (rule, count) in elimination.removed.sorted(by: { $0.key < $1.key }) { $0.field(named: rule, count) }
            }
            $0.array("examples") {
                for example in elimination.examples {
                    $0.object {
                        $0.field("host", example.host)
                        $0.field("rule", example.rule)
                        $0.field("detail", example.detail)
                    }
                }
            }
            $0.field("ranked", elimination.ranked.map(\.rawValue))
        }
    }

    /// By id, or by name when that is unique among the caller's servers. Servers that are gone are found by their id.
    private func find(_ request: NovaRequest) async throws -> ServerRecord {
        let text = try request.parameter("server")
        let show = ShowServer(store: servers)
        if let id = ServerID(text) { return try await show.find(id, for: request, includingDeleted: true) }
        var filter = ServerFilter()
        filter.project = request.project
        filter.homeRegion = request.region
        filter.exactName = text
        filter.limit = 2
        let named = try await servers.list(filter)
        guard let first = named.first else { throw CloudError(.notFound, "No server of yours is called \(text).") }
        guard named.count == 1 else {
            throw CloudError(.conflict, "More than one server is called \(text). Use its id.")
        }
        return first
    }
}

extension ActionRecord {
    /// `pending` while no cell has it, then the cell's own word.
    var shownState: String { state ?? (delivery == "settled" ? "done" : delivery) }
}

extension PowerState {
    /// As people say it.
    var name: String {
        switch self {
        case .noState: "none"
        case .running: "running"
        case .paused: "paused"
        case .shutdown: "shut down"
        case .crashed: "crashed"
        case .suspended: "suspended"
        }
    }
}

extension String {
    /// A place without the host's name, which a tenant doesn't read: `compute-1.tunis` becomes `host.tunis`.
    fileprivate var withoutHost: String {
        guard let dot = firstIndex(of: "."), !hasPrefix("conductor."), !hasPrefix("scheduler.") else { return self }
        return "host" + self[dot...]
    }
}
