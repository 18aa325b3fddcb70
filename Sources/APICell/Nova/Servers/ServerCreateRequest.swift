import APIConventions
import CloudModel
import Foundation

/// What `POST /servers` asks for, read and checked against Nova's schema; nothing of it is looked up yet.
struct ServerCreateRequest: Sendable {
    var name: String
    /// Nil: none was given.
    var image: ImageID?
    var flavor: FlavorID
    var zone: String?
    var keyName: String?
    var metadata: [String: String]
    var configDrive: Bool
    var counts: ClosedRange<Int>
    var adminPassword: String?
    var description: String?
    var accessIPv4: String?
    var accessIPv6: String?
    var group: ServerGroupID?
    var hints: [String: String]
    var returnsReservation: Bool

    /// One request makes at most so many servers: they are stored in one transaction.
    static let largestCount = 1_000

    private static let known: Set<String> = [
        "name", "imageRef", "flavorRef", "adminPass", "metadata", "networks", "OS-DCF:diskConfig", "accessIPv4", "accessIPv6",
        "personality", "availability_zone", "key_name", "config_drive", "user_data", "security_groups", "min_count",
        "max_count",
        "return_reservation_id", "block_device_mapping", "block_device_mapping_v2",
    ]

    init(_ body: JSONValue, version: Microversion) throws(CloudError) {
        let outer = try JSONFields(body, name: "body")
        try outer.allow(only: ["server", "os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
        let server = try outer.fields("server")
        try server.allow(only: version.minor >= 19 ? Self.known.union(["description"]) : Self.known)

        name = try ServerFields.name(server)
        flavor = try Self.flavor(server)
        image = try Self.image(server)
        zone = try server.optionalString("availability_zone")
        keyName = try server.optionalString("key_name")
        metadata = try ServerFields.metadata(server, "metadata") ?? [:]
        configDrive = try server.optionalBool("config_drive") ?? false
        guard !configDrive else {
            throw CloudError(
                .notImplemented,
                "Config drives aren't served yet. Leave config_drive out, and put what the guest needs into its image.")
        }
        adminPassword = try server.optionalString("adminPass")
        description = try server.optionalString("description")
        let v4 = try ServerFields.address(server, "accessIPv4", .v4)
        let v6 = try ServerFields.address(server, "accessIPv6", .v6)
        accessIPv4 = v4 ?? nil
        accessIPv6 = v6 ?? nil
        returnsReservation = try server.optionalBool("return_reservation_id") ?? false
        try ServerFields.checkDiskConfig(server)

        let minimum = try server.optionalInt("min_count", in: 1...Self.largestCount)
        let maximum = try server.optionalInt("max_count", in: 1...Self.largestCount)
        let least = minimum ?? 1
        let most = maximum ?? least
        guard least <= most else { throw CloudError(.badRequest, "min_count must be <= max_count") }
        counts = least...most

        let hintsKey = outer.has("os:scheduler_hints") ? "os:scheduler_hints" : "OS-SCH-HNT:scheduler_hints"
        (group, hints) = try Self.hints(try outer.optionalFields(hintsKey))
        try Self.checkNetworks(server, version: version)
        try Self.checkSecurityGroups(server)
        try Self.checkDisks(server, image: image)
        try Self.checkUserData(server)
        if let files = try server.optionalArray("personality"), !files.isEmpty {
            throw CloudError(.notImplemented, "Files can't be injected into a server. Put them into its image instead.")
        }
    }

    // MARK: Parts

    private static func flavor(_ server: JSONFields) throws(CloudError) -> FlavorID {
        let text: String
        if case .int(let number) = server["flavorRef"] {
            text = "\(number)"
        } else {
            text = try server.string("flavorRef", length: 1...255)
        }
        // A link to the flavor will do, as in Nova.
        return FlavorID(text.split(separator: "/").last.map(String.init) ?? text)
    }

    private static func image(_ server: JSONFields) throws(CloudError) -> ImageID? {
        guard let text = try server.optionalString("imageRef"), !text.isEmpty else { return nil }
        let last = text.split(separator: "/").last.map(String.init) ?? text
        guard let id = ImageID(last) else { throw JSONFields.invalid("imageRef", .string(text), "'\(text)' is not a 'uuid'") }
        return id
    }

    private static func hints(_ fields: JSONFields?) throws(CloudError) -> (ServerGroupID?, [String: String]) {
        guard let fields else { return (nil, [:]) }
        var group: ServerGroupID?
        var hints: [String: String] = [:]
        guard fields.object.members.count <= 32 else {
            throw JSONFields.invalid("os:scheduler_hints", "", "there are more than 32")
        }
        for member in fields.object.members {
            if member.key == "group" {
                guard let text = member.value.string, let id = ServerGroupID(text) else {
                    throw JSONFields.invalid("group", member.value, "\(member.value.text) is not a 'uuid'")
                }
                group = id
            } else {
                guard (1...255).contains(member.key.unicodeScalars.count) else {
                    throw JSONFields.invalid("os:scheduler_hints", .string(member.key), "a key has 1 to 255 characters")
                }
                hints[member.key] = String((member.value.string ?? member.value.text).unicodeScalars.prefix(255))
            }
        }
        try ServerTexts.check(hints, "os:scheduler_hints", atMost: ServerTexts.largestHints)
        return (group, hints)
    }

    /// There is no network service yet, so a server has no network; asking for one in particular is an error.
    private static func checkNetworks(_ server: JSONFields, version: Microversion) throws(CloudError) {
        guard let networks = server["networks"] else {
            if version.minor >= 37 { throw server.missing("networks") }
            return
        }
        if let word = networks.string, version.minor >= 37 {
            guard word == "none" || word == "auto" else {
                throw JSONFields.invalid("networks", networks, "'\(word)' is not one of ['none', 'auto'] nor a list")
            }
            return
        }
        guard let list = networks.array else {
            throw JSONFields.invalid("networks", networks, "\(networks.text) is not of type 'array'")
        }
        guard let first = list.first else { return }
        let entry = try JSONFields(first, name: "networks")
        try entry.allow(only: ["uuid", "port", "fixed_ip", "tag"])
        for key in ["uuid", "port"] {
            guard let text = try entry.optionalString(key) else { continue }
            guard UUID(uuidString: text) != nil else {
                throw JSONFields.invalid(key, .string(text), "'\(text)' is not a 'uuid'")
            }
            throw CloudError(.badRequest, "\(key == "uuid" ? "Network" : "Port") \(text) could not be found.")
        }
        throw CloudError(.badRequest, "Bad networks format: each network needs a 'uuid' or a 'port'.")
    }

    private static func checkSecurityGroups(_ server: JSONFields) throws(CloudError) {
        for value in try server.optionalArray("security_groups") ?? [] {
            let group = try JSONFields(value, name: "security_groups")
            try group.allow(only: ["name"])
            let name = try group.string("name", length: 1...255)
            guard name == "default" else { throw CloudError(.badRequest, "Security group \(name) not found.") }
        }
    }

    /// The one mapping that says no more than `imageRef` does is taken; what needs a volume is refused.
    private static func checkDisks(_ server: JSONFields, image: ImageID?) throws(CloudError) {
        for value in try server.optionalArray("block_device_mapping_v2") ?? [] {
            let disk = try JSONFields(value, name: "block_device_mapping_v2")
            let source = try disk.optionalString("source_type")
            let destination = try disk.optionalString("destination_type") ?? "local"
            let bootIndex = try disk.optionalInt("boot_index") ?? 0
            let isRootImage = source == "image" && destination == "local" && bootIndex == 0
            let uuid = try disk.optionalString("uuid")
            guard isRootImage, uuid == nil || image == nil || uuid.flatMap({ ImageID($0) }) == image else { throw noVolumes }
        }
        if let disks = try server.optionalArray("block_device_mapping"), !disks.isEmpty { throw noVolumes }
    }

    private static var noVolumes: CloudError {
        CloudError(.notImplemented, "This cloud has no volume service: a server's disk comes from its image (imageRef).")
    }

    /// User data may hold secrets, and nothing seals it for the compute host yet, so it isn't kept at all rather than in clear.
    private static func checkUserData(_ server: JSONFields) throws(CloudError) {
        guard let text = try server.optionalString("user_data", length: 0...65_535), !text.isEmpty else { return }
        guard Data(base64Encoded: text) != nil else {
            throw JSONFields.invalid("user_data", .string(String(text.prefix(40))), "it is not a 'base64'")
        }
        throw CloudError(
            .notImplemented,
            "User data isn't served yet, because it could not be kept secret. Put what the guest needs into its image.")
    }
}

/// Members that several requests about servers share.
enum ServerFields {
    static func name(_ fields: JSONFields) throws(CloudError) -> String {
        let name = try fields.resourceName("name")
        guard name.first?.isWhitespace == false, name.last?.isWhitespace == false else {
            throw JSONFields.invalid("name", .string(name), "It must not begin or end with a blank")
        }
        return name
    }

    static func metadata(_ fields: JSONFields, _ key: String) throws(CloudError) -> [String: String]? {
        guard let value = fields[key] else { return nil }
        guard value.object != nil else { throw JSONFields.invalid(key, value, "\(value.text) is not of type 'object'") }
        guard let texts = try fields.optionalTexts(key) else { return nil }
        try ServerTexts.check(texts, key, atMost: ServerTexts.largestMetadata)
        return texts
    }

    enum Family { case v4, v6 }

    /// Outer nil: not given; inner nil: to be cleared.
    static func address(_ fields: JSONFields, _ key: String, _ family: Family) throws(CloudError) -> String?? {
        guard let value = fields[key] else { return nil }
        if value.isNull { return .some(nil) }
        let text = try fields.string(key, length: 0...64)
        if text.isEmpty { return .some(nil) }
        guard let address = canonicalAddress(text, family) else {
            throw JSONFields.invalid(key, value, "'\(text)' is not a '\(family == .v4 ? "ipv4" : "ipv6")'")
        }
        return address
    }

    /// The one way to write an address (RFC 5952); nil for what isn't one.
    static func canonicalAddress(_ text: String, _ family: Family) -> String? {
        let kind = family == .v4 ? AF_INET : AF_INET6
        var space = in6_addr()
        var canonical = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_pton(kind, text, &space) == 1, inet_ntop(kind, &space, &canonical, socklen_t(canonical.count)) != nil else {
            return nil
        }
        return String(decoding: canonical.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Disks aren't repartitioned: both words are accepted, and `MANUAL` is what is shown.
    static func checkDiskConfig(_ fields: JSONFields) throws(CloudError) {
        guard let value = try fields.optionalString("OS-DCF:diskConfig") else { return }
        guard value == "AUTO" || value == "MANUAL" else {
            throw JSONFields.invalid("OS-DCF:diskConfig", .string(value), "'\(value)' is not one of ['AUTO', 'MANUAL']")
        }
    }
}
