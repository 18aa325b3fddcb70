import CloudModel

/// Which servers a listing shows, in which order. Made by `ListServers` from the query; `ServerStore.list` turns it into SQL.
struct ServerFilter: Sendable {
    /// Nil: all projects (administrators).
    var project: ProjectID?
    var homeRegion: String?
    var user: UserID?
    /// A POSIX regular expression; a plain substring in most calls.
    var name: String?
    /// The whole name, to the letter.
    var exactName: String?
    var vmStates: [VMState]?
    var rebooting: Rebooting?
    var powerState: Int?
    var image: String?
    var flavor: String?
    var host: String?
    var zone: String?
    var ids: [ServerID]?
    var reservation: String?
    var description: String?
    var keyName: String?
    var locked: Bool?
    var configDrive: Bool?
    var accessIPv4: String?
    var accessIPv6: String?
    var changesSince: Timestamp?
    /// Only servers of which nothing is left.
    var deleted = false
    /// Nothing can match: an unknown status, an address where there is no network.
    var nothing = false
    var tags: [String]?
    var tagsAny: [String]?
    var notTags: [String]?
    var notTagsAny: [String]?
    var sorting: [Sorting] = [.newestFirst, Sorting(key: .id, ascending: false)]
    var limit = ServerFilter.largestPage
    var marker: ServerID?

    /// Nova's `max_limit`: one answer carries no more, whatever was asked.
    static let largestPage = 1_000

    enum Rebooting: Sendable { case soft, hard }

    struct Sorting: Sendable {
        var key: Key
        var ascending: Bool
        static let newestFirst = Sorting(key: .createdAt, ascending: false)
    }

    /// What may be sorted by, by Nova's names; the raw value is what a query says, `column` what the table says.
    enum Key: String, CaseIterable, Sendable {
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case launchedAt = "launched_at"
        case name = "display_name"
        case description = "display_description"
        case id = "uuid"
        case project = "project_id"
        case user = "user_id"
        case host
        case zone = "availability_zone"
        case vmState = "vm_state"
        case powerState = "power_state"
        case image = "image_ref"
        case flavor = "instance_type_id"
        case keyName = "key_name"
        case ram = "memory_mb"
        case vcpus

        /// Never NULL, so that the marker's comparison is total. Text compares bytewise, the same on every database.
        var column: String {
            switch self {
            case .createdAt: "s.created_at"
            case .updatedAt: "s.updated_at"
            case .launchedAt: "coalesce(s.launched_at, 'infinity'::timestamptz)"
            case .name: "s.name COLLATE \"C\""
            case .description: "coalesce(s.description, '') COLLATE \"C\""
            case .id: "s.id"
            case .project: "s.project COLLATE \"C\""
            case .user: "s.user_id COLLATE \"C\""
            case .host: "coalesce(s.host, '') COLLATE \"C\""
            case .zone: "coalesce(s.host_zone, s.zone, '') COLLATE \"C\""
            case .vmState: "s.vm_state COLLATE \"C\""
            case .powerState: "s.power_state"
            case .image: "coalesce(s.image_id, '00000000-0000-0000-0000-000000000000'::uuid)"
            case .flavor: "s.flavor_id COLLATE \"C\""
            case .keyName: "coalesce(s.key_name, '') COLLATE \"C\""
            case .ram: "s.ram"
            case .vcpus: "s.vcpus"
            }
        }
    }
}
