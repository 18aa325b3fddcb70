/// What the tool asks of Nova and of Meridian's own API beside it.
extension CloudSession {
    /// The newest microversion that this client speaks.
    static var computeVersion: String { "2.37" }

    // MARK: - Meridian's own, under /meridian/v1

    /// All of them, page by page.
    public func servers(allProjects: Bool = false) async throws -> [ServerSummary] {
        var all: [ServerSummary] = []
        var marker: String?
        repeat {
            let query = (allProjects ? [("all_tenants", "1")] : []) + (marker.map { [("marker", $0)] } ?? [])
            let page = try await meridian("/servers", query: query)
            all += (page["servers"]?.array ?? []).map(ServerSummary.init)
            marker = page["next"]?.string
        } while marker != nil
        return all
    }

    public func cells() async throws -> [JSON] { try await meridian("/cells")["cells"]?.array ?? [] }
    public func hosts() async throws -> [JSON] { try await meridian("/hosts")["hosts"]?.array ?? [] }
    /// The guests that hosts of a cell have and nobody ordered, page by page. Only for administrators; fails while the cell is silent.
    public func drift(of cell: String) async throws -> [JSON] {
        var all: [JSON] = []
        var marker: String?
        repeat {
            let page = try await meridian(
                "/cells/\(Self.escaped(cell))/drift", query: [("limit", "200")] + (marker.map { [("marker", $0)] } ?? []))
            all += page["drift"]?.array ?? []
            marker = page["next"]?.string
        } while marker != nil
        return all
    }

    /// The timeline of a server's boot, or of a later action of it.
    public func trace(of server: String, action: Int? = nil) async throws -> JSON {
        try await meridian("/servers/\(server)/trace", query: action.map { [("action", String($0))] } ?? [])
    }

    /// Which cells and hosts were considered.
    public func explanation(of server: String) async throws -> JSON { try await meridian("/servers/\(server)/explain") }

    /// `events` after a number, and the `cursor` to go on from; without a number only the cursor of now. Waits at the cloud for the
    /// first event, `wait` seconds at most.
    public func events(after number: Int?, limit: Int, wait: Int) async throws -> JSON {
        var query: [(name: String, value: String)] = [("limit", String(limit)), ("wait", String(wait))]
        if let number { query.append(("after", String(number))) }
        return try await send(
            CloudRequest(
                "compute", .get, "/meridian/v1/events", fromRoot: true, query: query, timeout: .seconds(wait + 30))
        ).json
    }

    /// Takes a cell out of scheduling, or back in.
    public func setCell(_ name: String, disabled: Bool, reason: String?) async throws -> JSON {
        var body: [String: JSON] = ["disabled": .bool(disabled)]
        if let reason { body["reason"] = .string(reason) }
        return try await send(
            CloudRequest("compute", .put, "/meridian/v1/cells/\(Self.escaped(name))", fromRoot: true, body: .object(body))
        ).json
    }

    public func meridian(_ path: String, query: [(name: String, value: String)] = []) async throws -> JSON {
        try await send(CloudRequest("compute", .get, "/meridian/v1" + path, fromRoot: true, query: query)).json
    }

    // MARK: - Nova's

    public func server(_ id: String) async throws -> JSON {
        try await send(CloudRequest("compute", .get, "/servers/\(id)", microversion: Self.computeVersion)).json["server"]
            ?? .null
    }

    /// `server` is the inner object of `POST /servers`; the answer carries id and adminPass.
    public func createServer(_ server: [String: JSON], hints: [String: JSON] = [:]) async throws -> JSON {
        var body: [String: JSON] = ["server": .object(server)]
        if !hints.isEmpty { body["os:scheduler_hints"] = .object(hints) }
        return try await send(
            CloudRequest("compute", .post, "/servers", body: .object(body), microversion: Self.computeVersion)
        ).json["server"] ?? .null
    }

    public func deleteServer(_ id: String) async throws { try await send(CloudRequest("compute", .delete, "/servers/\(id)")) }

    @discardableResult
    public func act(_ action: String, _ arguments: JSON, on id: String) async throws -> JSON {
        try await send(CloudRequest("compute", .post, "/servers/\(id)/action", body: .object([action: arguments]))).json
    }

    public func flavors() async throws -> [JSON] {
        try await send(CloudRequest("compute", .get, "/flavors/detail")).json["flavors"]?.array ?? []
    }

    // MARK: - Glance's

    /// All images that the caller may see, page by page.
    public func images() async throws -> [JSON] {
        var all: [JSON] = []
        var marker: String?
        while true {
            let query = [("limit", "200")] + (marker.map { [("marker", $0)] } ?? [])
            let page = try await send(CloudRequest("image", .get, try await imagePath, query: query)).json
            let images = page["images"]?.array ?? []
            all += images
            guard page["next"] != nil, let last = images.last?["id"]?.string, last != marker else { return all }
            marker = last
        }
    }

    /// The catalog names the image service with or without its version.
    private var imagePath: String {
        get async throws { try await endpoint(of: "image").hasSuffix("/v2") ? "/images" : "/v2/images" }
    }
}
