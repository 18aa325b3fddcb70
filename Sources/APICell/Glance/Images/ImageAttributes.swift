import APIConventions
import CloudModel
import Foundation

/// Setting and removing one attribute of an image, the same for create and PATCH. Pure; every refusal is a sentence.
extension Image {
    /// The longest name, tag, property name; PostgreSQL doesn't mind, clients' tables do. Glance's limit.
    static let nameLimit = 255
    /// Properties and tags an image may carry (Glance's `image_property_quota`, `image_tag_quota`).
    static let propertyLimit = 128
    static let tagLimit = 128
    /// The longest value of a property, in bytes.
    static let valueLimit = 65_535

    mutating func set(_ attribute: String, to value: JSONValue, by caller: ImageCaller) throws {
        try Self.requireWritable(attribute)
        switch attribute {
        case "name": name = try Self.text(value, of: attribute)
        case "visibility":
            let wanted: ImageVisibility = try Self.choice(value, of: attribute)
            if wanted != visibility { try ImagePolicy.requireMaking(wanted, of: owner, caller) }
            visibility = wanted
        case "owner":
            let wanted = try Self.text(value, of: attribute).map(ProjectID.init)
            guard caller.isAdmin || wanted == caller.project else {
                throw CloudError(
                    .forbidden, "You are not permitted to create images owned by '\(wanted?.rawValue ?? "nobody")'.")
            }
            owner = wanted
        case "protected": isProtected = try Self.truth(value, of: attribute)
        case "os_hidden": isHidden = try Self.truth(value, of: attribute)
        case "disk_format":
            let wanted: DiskFormat? = value == .null ? nil : try Self.choice(value, of: attribute)
            if wanted != diskFormat { try requireQueued(toChange: attribute) }
            diskFormat = wanted
        case "container_format":
            let wanted: ContainerFormat? = value == .null ? nil : try Self.choice(value, of: attribute)
            if wanted != containerFormat { try requireQueued(toChange: attribute) }
            containerFormat = wanted
        case "min_disk": minDisk = try Self.count(value, of: attribute)
        case "min_ram": minRAM = try Self.count(value, of: attribute)
        case "tags": tags = try Self.tags(value)
        default:
            guard case .string(let text) = value, text.utf8.count <= Self.valueLimit else {
                throw Self.mismatch(attribute, "a property is a string of at most \(Self.valueLimit) bytes")
            }
            guard !attribute.isEmpty, attribute.unicodeScalars.count <= Self.nameLimit else {
                throw Self.mismatch(attribute, "a property's name has 1 to \(Self.nameLimit) characters")
            }
            properties[attribute] = text
            guard properties.count <= Self.propertyLimit else {
                throw CloudError(
                    .tooLarge, "The limit has been exceeded on the number of allowed image properties: \(Self.propertyLimit).")
            }
        }
    }

    /// Removes what a user added. Glance's own attributes stay.
    mutating func remove(_ attribute: String) throws {
        try Self.requireWritable(attribute)
        if attribute == "tags" {
            tags = []
            return
        }
        guard !ImageDocument.writable.contains(attribute) else {
            throw CloudError(.forbidden, "Property \(attribute) may not be removed.")
        }
        guard properties.removeValue(forKey: attribute) != nil else {
            throw CloudError(.conflict, "Property \(attribute) does not exist.")
        }
    }

    /// Whether the image has the attribute, so that it can be replaced.
    func has(_ attribute: String) -> Bool {
        ImageDocument.writable.contains(attribute) || ImageDocument.readOnly.contains(attribute) || properties[attribute] != nil
    }

    static func requireWritable(_ attribute: String) throws {
        if ImageDocument.readOnly.contains(attribute) {
            throw CloudError(.forbidden, "Attribute '\(attribute)' is read-only.")
        }
        if ImageDocument.reserved.contains(attribute) || attribute.hasPrefix(ImageDocument.reservedPrefix) {
            throw CloudError(.forbidden, "Attribute '\(attribute)' is reserved.")
        }
    }

    static func requireTag(_ tag: String) throws {
        guard !tag.isEmpty, tag.unicodeScalars.count <= nameLimit else {
            throw CloudError(.badRequest, "A tag has 1 to \(nameLimit) characters.")
        }
    }

    private func requireQueued(toChange attribute: String) throws {
        guard status == .queued else {
            throw CloudError(.forbidden, "Attribute \(attribute) can be only replaced for a queued image.")
        }
    }

    // MARK: - Reading values

    private static func mismatch(_ attribute: String, _ wanted: String) -> CloudError {
        CloudError(.badRequest, "Provided object does not match schema 'image': '\(attribute)': \(wanted).")
    }

    private static func text(_ value: JSONValue, of attribute: String) throws -> String? {
        switch value {
        case .null: return nil
        case .string(let text) where text.unicodeScalars.count <= nameLimit && !text.unicodeScalars.contains("\0"): return text
        case .string, .bool, .int, .double, .array, .object:
            throw mismatch(attribute, "a string of at most \(nameLimit) characters is wanted")
        }
    }

    private static func truth(_ value: JSONValue, of attribute: String) throws -> Bool {
        guard case .bool(let truth) = value else { throw mismatch(attribute, "true or false is wanted") }
        return truth
    }

    private static func count(_ value: JSONValue, of attribute: String) throws -> Int {
        guard case .int(let number) = value, (0...Int64(Int32.max)).contains(number) else {
            throw mismatch(attribute, "a whole number from 0 to \(Int32.max) is wanted")
        }
        return Int(number)
    }

    private static func choice<C: RawRepresentable<String> & CaseIterable>(_ value: JSONValue, of attribute: String) throws -> C
    {
        if case .string(let text) = value, let choice = C(rawValue: text) { return choice }
        throw mismatch(attribute, "\(value.text) is not one of \(C.allCases.map(\.rawValue).joined(separator: ", "))")
    }

    private static func tags(_ value: JSONValue) throws -> [String] {
        guard case .array(let values) = value else { throw mismatch("tags", "an array of strings is wanted") }
        let tags = try values.map { value in
            guard case .string(let tag) = value else { throw mismatch("tags", "an array of strings is wanted") }
            try requireTag(tag)
            return tag
        }
        guard tags.count <= tagLimit else {
            throw CloudError(.tooLarge, "The limit has been exceeded on the number of allowed image tags: \(tagLimit).")
        }
        return Set(tags).sorted()
    }
}
