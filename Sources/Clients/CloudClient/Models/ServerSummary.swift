/// A server as Meridian's own API lists it: where it is, what it does, and how fresh that is.
public struct ServerSummary: Sendable {
    public let id: String
    public let name: String
    public let status: String
    public let task: String?
    public let power: String
    public let region: String?
    /// Only administrators are told.
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
        task = json["task"]?.string
        power = json["power"]?.string ?? ""
        region = json["region"]?.string
        host = json["host"]?.string
        zone = json["zone"]?.string
        project = json["project"]?.string
        created = json["created_at"]?.string
        fault = json["fault"]?.string
        let freshness = Freshness(json)
        age = freshness.age
        isStale = freshness.isStale
    }
}

/// How old the word of a region is: `as_of`, when it was last in contact, and whether that is too long ago.
public struct Freshness: Sendable, Equatable {
    /// nil when it never was, or nobody knows.
    public let age: Duration?
    public let isStale: Bool

    /// `now` in seconds since 1970.
    public init(_ json: JSON, now: Double = Moment.now) {
        age = json["as_of"].flatMap(Moment.init).map { .milliseconds(Int64(max(0, now - $0.seconds) * 1_000)) }
        isStale = json["stale"]?.bool ?? false
    }
}
