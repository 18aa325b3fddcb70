/// One step of a request's timeline.
public struct TraceStep: Sendable {
    public let name: String
    /// The numbers it has in the classic flow of 29 steps; empty for steps which that flow doesn't have.
    public let classic: [Int]
    public let place: String
    /// Since the first step's start.
    public let offset: Duration
    public let duration: Duration
    public let note: String?

    public init?(_ json: JSON) {
        guard let name = json["name"]?.string, let offset = json["after_milliseconds"]?.double else { return nil }
        self.name = name
        self.offset = .microseconds(Int64((offset * 1_000).rounded()))
        classic = (json["classic"]?.array ?? []).compactMap(\.int)
        place = json["place"]?.string ?? ""
        duration = .microseconds(Int64(((json["milliseconds"]?.double ?? 0) * 1_000).rounded()))
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
        let hosts = json["hosts"] ?? .null
        considered = hosts["considered"]?.int
        removed = (hosts["removed"]?.object ?? [:]).compactMapValues(\.int)
        examples = (hosts["examples"]?.array ?? []).map {
            ($0["host"]?.string ?? "", $0["rule"]?.string ?? "", $0["detail"]?.string ?? "")
        }
        ranked = (hosts["ranked"]?.array ?? []).compactMap(\.string)
    }
}
