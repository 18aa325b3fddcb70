/// A server as Meridian's own API lists it: where it is, what it does, and how fresh that is.
public struct ServerSummary: Sendable {
    public let id: String
    public let name: String
    public let status: String
    public let task: String?
    public let power: String
    public let region: String?
    public let host: String?
    public let zone: String?
    public let project: String?
    public let created: String?
    public let fault: String?
    /// Since the region's last contact; nil when nobody knows, or when no region has it yet.
    public let age: Duration?
    public let isStale: Bool
    /// All that the cloud said.
    public let json: JSON

    public init(_ json: JSON) {
        self.json = json
        id = json["id"]?.string ?? ""
        name = json["name"]?.string ?? ""
        status = json["status"]?.string ?? ""
        task = json["task_state"]?.string
        power = PowerName.of(json["power_state"])
        region = (json["region"] ?? json["cell"])?.string
        host = json["host"]?.string
        zone = (json["availability_zone"] ?? json["zone"])?.string
        project = (json["project_id"] ?? json["project"])?.string
        created = (json["created_at"] ?? json["created"])?.string
        fault = (json["fault"]?["message"] ?? json["fault"])?.string
        let freshness = Freshness(json)
        age = freshness.age
        isStale = freshness.isStale
    }
}

/// How old the word of a region is. Meridian writes `as_of` (a time), `age_seconds` and `stale`.
public struct Freshness: Sendable, Equatable {
    public let age: Duration?
    public let isStale: Bool

    public init(_ json: JSON, now: Double = Moment.now) {
        let seconds =
            (json["age_seconds"] ?? json["age"])?.double
            ?? (json["as_of"] ?? json["last_contact"]).flatMap(Moment.init).map { max(0, now - $0.seconds) }
        age = seconds.map { .milliseconds(Int64($0 * 1_000)) }
        isStale = json["stale"]?.bool ?? json["is_stale"]?.bool ?? false
    }
}

/// Names for Nova's numbers.
enum PowerName {
    static func of(_ json: JSON?) -> String {
        guard let json else { return "" }
        if let text = json.string, Int(text) == nil { return text }
        return switch json.int {
        case 0: "no state"
        case 1: "running"
        case 3: "paused"
        case 4: "shutdown"
        case 6: "crashed"
        case 7: "suspended"
        default: json.shown
        }
    }
}
