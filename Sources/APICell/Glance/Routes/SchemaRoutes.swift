import APIConventions
import Hummingbird

/// JSON schemas, which openstack's older clients read before they speak.
extension GlanceService {
    func addSchemaRoutes(to routes: APIRoutes) {
        for (name, schema) in [
            ("image", ImageSchema.image), ("images", ImageSchema.list(of: "image")), ("member", ImageSchema.member),
            ("members", ImageSchema.list(of: "member")),
        ] {
            let bytes = Array(schema.text.utf8)
            routes.get(RouterPath("schemas/\(name)")) { _, _ in Response.json(bytes: bytes) }
        }
    }
}

/// The schemas as values.
enum ImageSchema {
    static var image: JSONValue {
        [
            "name": "image",
            "properties": [
                "id": text("An identifier for the image", readOnly: false, pattern: uuid),
                "name": optionalText("Descriptive name for the image", limit: 255),
                "status": text("Status of the image", readOnly: true, choices: ImageStatus.allCases.map(\.rawValue)),
                "visibility": text("Scope of image accessibility", choices: ImageVisibility.allCases.map(\.rawValue)),
                "protected": ["type": "boolean", "description": "If true, image will not be deletable."],
                "os_hidden": [
                    "type": "boolean", "description": "If true, image will not appear in default image list response.",
                ],
                "checksum": optionalText("md5 hash of image contents.", limit: 32, readOnly: true),
                "os_hash_algo": optionalText("Algorithm to calculate the os_hash_value", limit: 64, readOnly: true),
                "os_hash_value": optionalText(
                    "Hexdigest of the image contents using the algorithm specified by the os_hash_algo", limit: 128,
                    readOnly: true),
                "owner": optionalText("Owner of the image", limit: 255),
                "size": number("Size of image file in bytes", readOnly: true),
                "virtual_size": number("Virtual size of image in bytes", readOnly: true),
                "container_format": optionalChoice("Format of the container", ContainerFormat.allCases.map(\.rawValue)),
                "disk_format": optionalChoice("Format of the disk", DiskFormat.allCases.map(\.rawValue)),
                "created_at": text("Date and time of image registration", readOnly: true),
                "updated_at": text("Date and time of the last image modification", readOnly: true),
                "tags": [
                    "type": "array", "description": "List of strings related to the image",
                    "items": ["type": "string", "maxLength": 255],
                ],
                "min_ram": ["type": "integer", "description": "Amount of ram (in MB) required to boot image."],
                "min_disk": ["type": "integer", "description": "Amount of disk space (in GB) required to boot image."],
                "self": text("An image self url", readOnly: true),
                "file": text("An image file url", readOnly: true),
                "schema": text("An image schema url", readOnly: true),
            ],
            "additionalProperties": ["type": "string"],
            "links": [
                ["rel": "self", "href": "{self}"], ["rel": "enclosure", "href": "{file}"],
                ["rel": "describedby", "href": "{schema}"],
            ],
        ]
    }

    static var member: JSONValue {
        [
            "name": "member",
            "properties": [
                "member_id": text("An identifier for the image member (tenantId)"),
                "image_id": text("An identifier for the image", pattern: uuid),
                "created_at": text("Date and time of image member creation"),
                "updated_at": text("Date and time of last modification of image member"),
                "status": text("The status of this image member", choices: ImageMember.Status.allCases.map(\.rawValue)),
                "schema": text("A schema url", readOnly: true),
            ],
        ]
    }

    /// A page of things.
    static func list(of name: String) -> JSONValue {
        [
            "name": .string(name + "s"),
            "properties": properties(of: name),
            "links": [
                ["rel": "first", "href": "{first}"], ["rel": "next", "href": "{next}"],
                ["rel": "describedby", "href": "{schema}"],
            ],
        ]
    }

    private static func properties(of name: String) -> JSONValue {
        var properties: JSONObject = ["first": ["type": "string"], "next": ["type": "string"], "schema": ["type": "string"]]
        properties[name + "s"] = ["type": "array", "items": name == "image" ? image : member]
        return .object(properties)
    }

    private static let uuid = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"

    private static func text(
        _ description: String, readOnly: Bool = false, choices: [String] = [], pattern: String? = nil
    ) -> JSONValue {
        var object: JSONObject = ["type": "string", "description": .string(description)]
        if readOnly { object["readOnly"] = true }
        if !choices.isEmpty { object["enum"] = .array(choices.map(JSONValue.string)) }
        if let pattern { object["pattern"] = .string(pattern) }
        return .object(object)
    }

    private static func optionalText(_ description: String, limit: Int, readOnly: Bool = false) -> JSONValue {
        var object: JSONObject = [
            "type": ["null", "string"], "description": .string(description), "maxLength": .int(Int64(limit)),
        ]
        if readOnly { object["readOnly"] = true }
        return .object(object)
    }

    private static func optionalChoice(_ description: String, _ choices: [String]) -> JSONValue {
        [
            "type": ["null", "string"], "description": .string(description),
            "enum": .array([.null] + choices.map(JSONValue.string)),
        ]
    }

    private static func number(_ description: String, readOnly: Bool) -> JSONValue {
        ["type": ["null", "integer"], "description": .string(description), "readOnly": .bool(readOnly)]
    }
}
