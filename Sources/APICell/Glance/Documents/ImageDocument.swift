import APIConventions
import CloudModel

/// An image as Glance v2 shows it: what users added stands beside Glance's own attributes.
enum ImageDocument {
    /// Writes the members of the image's object.
    static func write(_ image: Image, to json: inout JSONWriter) {
        json.field("id", image.id)
        json.field("name", image.name)
        json.field("status", image.status.rawValue)
        json.field("visibility", image.visibility.rawValue)
        json.field("owner", image.owner)
        json.field("protected", image.isProtected)
        json.field("os_hidden", image.isHidden)
        json.field("disk_format", image.diskFormat?.rawValue)
        json.field("container_format", image.containerFormat?.rawValue)
        json.field("min_disk", image.minDisk)
        json.field("min_ram", image.minRAM)
        json.field("size", image.size)
        json.field("virtual_size", image.virtualSize)
        json.field("checksum", image.checksum)
        json.field("os_hash_algo", image.sha512 == nil ? nil : "sha512")
        json.field("os_hash_value", image.sha512)
        json.field("tags", image.tags.sorted())
        json.field("created_at", image.createdAt.seconds)
        json.field("updated_at", image.updatedAt.seconds)
        json.field("self", "/v2/images/\(image.id)")
        json.field("file", "/v2/images/\(image.id)/file")
        json.field("schema", "/v2/schemas/image")
        for (name, value) in image.properties.sorted(by: { $0.key < $1.key }) { json.field(named: name, value) }
    }

    /// Attributes that only Glance writes.
    static let readOnly: Set<String> = [
        "id", "status", "created_at", "updated_at", "deleted_at", "checksum", "os_hash_algo", "os_hash_value", "size",
        "virtual_size",
        "self", "file", "schema", "direct_url", "stores",
    ]
    /// Attributes that users may set, with a meaning of their own.
    static let writable: Set<String> = [
        "name", "visibility", "owner", "protected", "os_hidden", "disk_format", "container_format", "min_disk", "min_ram",
        "tags",
    ]
    /// Names that can't be used for what users add.
    static let reservedPrefix = "os_glance"
    static let reserved: Set<String> = ["deleted", "is_public", "location", "locations", "properties", "members"]
}
