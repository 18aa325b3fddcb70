/// One step of a request's timeline.
public struct TraceStep: Sendable {
    public let name: String
    /// The numbers it has in the classic flow of 29 steps; empty for steps which that flow doesn't have.
    public let classic: [Int]
    public let place: String
    public let started: Moment
    public let ended: Moment
    public let note: String?

    public init?(_ json: JSON) {
        guard let name = json["name"]?.string, let started = (json["started"] ?? json["started_at"]).flatMap(Moment.init) else { return nil }
        self.name = name
        self.started = started
        classic = (json["classic"]?.array ?? []).compactMap(\.int)
        place = json["place"]?.string ?? ""
        ended = (json["ended"] ?? json["ended_at"]).flatMap(Moment.init) ?? started
        note = json["note"]?.string
    }
}

/// One cell that was considered for a server.
public struct PlacementAttempt: Sendable {
    public let cell: String
    public let outcome: String
    public let host: String?
    public let reason: String?
    public let weight: Double?
    public let considered: Int?
    /// Rule → how many hosts it removed.
    public let removed: [String: Int]
    public let examples: [(host: String, rule: String, detail: String)]
    public let ranked: [String]

    public init(_ json: JSON) {
        cell = json["cell"]?.string ?? ""
        outcome = json["outcome"]?.string ?? ""
        host = json["host"]?.string
        reason = json["reason"]?.string
        weight = json["weight"]?.double
        let elimination = json["elimination"] ?? .null
        considered = elimination["considered"]?.int
        removed = (elimination["removed"]?.object ?? [:]).compactMapValues(\.int)
        examples = (elimination["examples"]?.array ?? []).map {
            ($0["host"]?.string ?? "", $0["rule"]?.string ?? "", $0["detail"]?.string ?? "")
        }
        ranked = (elimination["ranked"]?.array ?? []).compactMap(\.string)
    }
}
