import APIConventions
import CloudModel

/// What `POST /servers/{id}/action` asks for: the one member of its body.
enum ActionRequest: Sendable {
    case reboot(hard: Bool)
    case start
    case stop
    case forceDelete
    /// The last so many lines; nil: all.
    case consoleOutput(lines: Int?)
    case lock
    case unlock
    /// One that Nova knows and this doesn't serve yet.
    case unserved(String)

    /// Nova's other actions up to 2.37; docs/openstack-map.md says what each waits for.
    private static let unserved: Set<String> = [
        "addFixedIp", "addFloatingIp", "addSecurityGroup", "changePassword", "confirmResize", "createBackup", "createImage",
        "evacuate",
        "injectNetworkInfo", "migrate", "os-getConsoleOutput", "os-getRDPConsole", "os-getSerialConsole",
        "os-getSPICEConsole", "os-getVNCConsole", "os-migrateLive", "os-resetState", "pause", "rebuild", "removeFixedIp",
        "removeFloatingIp", "removeSecurityGroup", "rescue", "resetNetwork", "resize", "restore", "resume", "revertResize",
        "shelve",
        "shelveOffload", "suspend", "trigger_crash_dump", "unpause", "unrescue", "unshelve",
    ]

    init(_ body: JSONValue) throws(CloudError) {
        let fields = try JSONFields(body, name: "body")
        guard let action = fields.object.members.first, fields.object.members.count == 1 else {
            throw CloudError(.badRequest, "The request's body must hold exactly one action.")
        }
        switch action.key {
        case "reboot":
            let reboot = try fields.fields("reboot")
            try reboot.allow(only: ["type"])
            let type = try reboot.string("type")
            switch type.uppercased() {
            case "HARD": self = .reboot(hard: true)
            case "SOFT": self = .reboot(hard: false)
            default:
                throw JSONFields.invalid("type", .string(type), "'\(type)' is not one of ['HARD', 'SOFT']")
            }
        case "os-start": self = .start
        case "os-stop": self = .stop
        case "forceDelete": self = .forceDelete
        case "os-getConsoleOutput": self = .consoleOutput(lines: try Self.lines(fields))
        case "lock": self = .lock
        case "unlock": self = .unlock
        case let name where Self.unserved.contains(name): self = .unserved(name)
        case let name: throw CloudError(.badRequest, "There is no such action: \(name.prefix(60))")
        }
    }

    /// `length` may be a number, text that spells one, or null; -1 is all, as in Nova.
    private static func lines(_ fields: JSONFields) throws(CloudError) -> Int? {
        guard let options = try fields.optionalFields("os-getConsoleOutput") else { return nil }
        try options.allow(only: ["length"])
        guard let length = try options.optionalInt("length", in: -1...1_000_000), length >= 0 else { return nil }
        return length
    }
}
