import APIConventions
import CloudModel

/// `GET /servers` and `/servers/detail`: what the query asks for, as a filter, and the page as JSON.
///
/// One query over the read model answers it, also while regions are dark; freshness goes into a header, never into the rows.
struct ListServers: Sendable {
    let store: ServerStore

    func callAsFunction(_ request: NovaRequest, detail: Bool) async throws -> Page {
        let rule = detail ? "os_compute_api:servers:detail:get_all_tenants" : "os_compute_api:servers:index:get_all_tenants"
        let filter = try Self.filter(request, rule: rule)
        async let contacts = store.contacts()
        var servers = try await store.list(filter)
        let isLast = servers.count <= filter.limit
        if !isLast { servers.removeLast(servers.count - filter.limit) }
        let showsHosts = detail && ServerDocument.showsHostStatus(request)
        let document = ServerDocument(
            request, hosts: showsHosts ? try await store.hostStatuses(of: servers, at: request.received) : [:])
        var json = JSONWriter(capacity: servers.count * (detail ? 1_500 : 300) + 64)
        json.object {
            $0.array("servers") {
                for server in servers {
                    $0.object { document.write(server, detail ? .full : .brief, to: &$0) }
                }
            }
            if !isLast, let last = servers.last {
                request.links.writeNext(
                    to: &$0, "servers_links", path: detail ? "servers/detail" : "servers", query: request.query,
                    marker: last.id.description)
            }
        }
        return Page(bytes: json.bytes, asOf: AsOf.header(of: servers, contacts: try await contacts))
    }

    struct Page: Sendable {
        let bytes: [UInt8]
        let asOf: String?
    }

    /// Reads the query. Unknown filters are ignored, as Nova does; a tenant's use of an administrator's filter too. `rule`: who may list
    /// all projects' servers.
    static func filter(_ request: NovaRequest, rule: String) throws(CloudError) -> ServerFilter {
        let filtersByAll = request.allows("os_compute_api:servers:allow_all_filters")
        var filter = ServerFilter()
        filter.project = request.project
        filter.homeRegion = request.region
        let paging = try Paging(request.query, maximum: ServerFilter.largestPage)
        filter.limit = paging.limit
        if let marker = paging.marker {
            guard let id = ServerID(marker) else { throw CloudError(.badRequest, "marker [\(marker)] not found") }
            filter.marker = id
        }
        if request.query.flag("all_tenants") {
            try request.enforce(rule)
            // A project alone is ignored, as in Nova: it narrows a list of all projects.
            filter.project = (request.query["project_id"] ?? request.query["tenant_id"]).map { ProjectID($0) }
        }
        if filtersByAll {
            filter.host = request.query["host"]
            if let node = request.query["node"] { filter.host = node }
            filter.deleted = request.query.flag("deleted")
            filter.zone = request.query["availability_zone"]
            if let power = request.query["power_state"] {
                guard let state = Int(power) else {
                    throw CloudError(.badRequest, "Invalid input for query parameters power_state. Value: \(power).")
                }
                filter.powerState = state
            }
            if let drive = request.query["config_drive"] { filter.configDrive = drive.lowercased() == "true" || drive == "1" }
            filter.description = try pattern(
                request.query["description"] ?? request.query["display_description"], "description")
            filter.keyName = request.query["key_name"]
        }
        if let user = request.query["user_id"], filtersByAll { filter.user = UserID(user) }
        filter.name = try pattern(request.query["name"] ?? request.query["display_name"], "name")
        filter.image = request.query["image"] ?? request.query["image_ref"]
        filter.flavor = request.query["flavor"]
        filter.reservation = request.query["reservation_id"]
        filter.accessIPv4 = request.query["access_ip_v4"]
        filter.accessIPv6 = request.query["access_ip_v6"].map { ServerFields.canonicalAddress($0, .v6) ?? $0 }
        let ids = request.query.all("uuid")
        if !ids.isEmpty { filter.ids = ids.compactMap { ServerID($0) } }
        if request.query["ip"] != nil || request.query["ip6"] != nil { filter.nothing = true }
        if let since = request.query["changes-since"] {
            guard let time = Timestamp(iso8601: since) else {
                throw CloudError(.badRequest, "Invalid input for query parameters changes-since. Value: \(since).")
            }
            filter.changesSince = time
        }
        try readStates(request, into: &filter)
        if request.version.minor >= 26 {
            filter.tags = request.query["tags"].map(list)
            filter.tagsAny = request.query["tags-any"].map(list)
            filter.notTags = request.query["not-tags"].map(list)
            filter.notTagsAny = request.query["not-tags-any"].map(list)
        }
        try readSorting(request, into: &filter)
        return filter
    }

    /// `status` means what Nova makes of it: ACTIVE is any active server, whatever it is busy with; REBOOT one that is rebooting.
    private static func readStates(_ request: NovaRequest, into filter: inout ServerFilter) throws(CloudError) {
        var states: Set<VMState> = []
        let statuses = request.query.all("status")
        for status in statuses {
            switch status.uppercased() {
            case "ACTIVE": states.insert(.active)
            case "BUILD": states.insert(.building)
            case "SHUTOFF": states.insert(.stopped)
            case "ERROR": states.insert(.error)
            case "REBOOT":
                states.formUnion([.active, .stopped])
                filter.rebooting = .soft
            case "HARD_REBOOT":
                states.formUnion([.active, .stopped, .error])
                filter.rebooting = .hard
            case "DELETED":
                guard request.caller.isAdmin else {
                    throw CloudError(.forbidden, "Only administrators may list deleted instances")
                }
                filter.deleted = true
            default: break
            }
        }
        if request.allows("os_compute_api:servers:allow_all_filters"), let state = request.query["vm_state"] {
            if let state = VMState(rawValue: state) { states.insert(state) } else { filter.nothing = true }
        }
        if !states.isEmpty {
            filter.vmStates = states.sorted { $0.rawValue < $1.rawValue }
        } else if !statuses.isEmpty, !filter.deleted {
            filter.nothing = true
        }
    }

    private static func readSorting(_ request: NovaRequest, into filter: inout ServerFilter) throws(CloudError) {
        let keys = request.query.all("sort_key")
        let directions = request.query.all("sort_dir")
        guard !keys.isEmpty || !directions.isEmpty else { return }
        var sorting: [ServerFilter.Sorting] = []
        for (index, name) in (keys.isEmpty ? ["created_at"] : keys).enumerated() {
            guard let key = sortKey(name) else {
                throw CloudError(.badRequest, "Invalid input for query parameters sort_key. Value: \(name).")
            }
            let direction = index < directions.count ? directions[index] : directions.last ?? "desc"
            guard direction == "asc" || direction == "desc" else {
                throw CloudError(.badRequest, "Invalid input for query parameters sort_dir. Value: \(direction).")
            }
            if !sorting.contains(where: { $0.key == key }) {
                sorting.append(ServerFilter.Sorting(key: key, ascending: direction == "asc"))
            }
        }
        if !sorting.contains(where: { $0.key == .id }) {
            sorting.append(ServerFilter.Sorting(key: .id, ascending: sorting.last?.ascending ?? false))
        }
        filter.sorting = sorting
    }

    /// Names that clients use beside the tables'.
    private static func sortKey(_ name: String) -> ServerFilter.Key? {
        switch name {
        case "name": .name
        case "description": .description
        case "id": .id
        case "tenant_id": .project
        case "node": .host
        default: ServerFilter.Key(rawValue: name)
        }
    }

    private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

    /// A name filter is a regular expression, as in Nova, and as there one that the database can't read is an error.
    private static func pattern(_ text: String?, _ key: String) throws(CloudError) -> String? {
        guard let text else { return nil }
        guard text.utf8.count <= 255 else {
            throw CloudError(.badRequest, "Invalid input for query parameters \(key): it is longer than 255 characters.")
        }
        guard !refersBack(text) else {
            throw CloudError(
                .badRequest, "Invalid input for query parameters \(key): a regular expression may not refer back (\\1) here.")
        }
        return text
    }

    /// Whether it has a back-reference, with which matching takes time without bound: a backslash that isn't escaped, before a digit.
    private static func refersBack(_ text: String) -> Bool {
        var isEscaped = false
        for character in text.utf8 {
            if isEscaped, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(character) { return true }
            isEscaped = !isEscaped && character == UInt8(ascii: "\\")
        }
        return false
    }
}

/// How fresh what we show is: the moment of last contact of each cell, in a header that standard clients ignore.
enum AsOf {
    static func header(of servers: [ServerRecord], contacts: [CellName: Timestamp]) -> String? {
        var cells: Set<CellName> = []
        for server in servers { if let cell = server.cell { cells.insert(cell) } }
        let parts = cells.sorted().map { cell in "\(cell)=\(contacts[cell]?.description ?? "never")" }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
