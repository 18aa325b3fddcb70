import APIConventions
import CloudModel
import Foundation

/// The changes of a PATCH: Glance's own subset of RFC 6902, in which a path names one attribute. Parsing and applying are pure.
struct ImagePatch: Equatable {
    enum Change: Equatable {
        case add(String, JSONValue)
        case replace(String, JSONValue)
        case remove(String)
    }

    /// Changes in one request. More is a mistake or an attack.
    static let limit = 256
    /// The current media type: `{"op": "add", "path": "/name", "value": …}`. The older one follows an early draft of the RFC,
    /// `{"add": "/name", "value": …}`, and refuses to add what is there already.
    static let mediaType = "application/openstack-images-v2.1-json-patch"
    static let olderMediaType = "application/openstack-images-v2.0-json-patch"

    var changes: [Change]
    var refusesToAddTwice: Bool

    init(_ body: JSONValue, mediaType: String) throws {
        switch mediaType {
        case Self.mediaType: refusesToAddTwice = false
        case Self.olderMediaType: refusesToAddTwice = true
        default:
            throw CloudError(.unsupportedMediaType, "PATCH of an image takes \(Self.mediaType).")
        }
        guard case .array(let operations) = body, operations.count <= Self.limit else {
            throw CloudError(.badRequest, "Request body must be a JSON array of at most \(Self.limit) operation objects.")
        }
        let isOlder = refusesToAddTwice
        changes = try operations.map { try Self.change($0, isOlder: isOlder) }
    }

    /// The image with every change made, or the reason why one can't be.
    func applied(to image: Image, by caller: ImageCaller) throws -> Image {
        var image = image
        for change in changes {
            switch change {
            case .add(let attribute, let value):
                if refusesToAddTwice, image.has(attribute) {
                    throw CloudError(.conflict, "Property \(attribute) already present.")
                }
                try image.set(attribute, to: value, by: caller)
            case .replace(let attribute, let value):
                try Image.requireWritable(attribute)
                guard image.has(attribute) else { throw CloudError(.conflict, "Property \(attribute) does not exist.") }
                try image.set(attribute, to: value, by: caller)
            case .remove(let attribute):
                try image.remove(attribute)
            }
        }
        return image
    }

    private static func change(_ operation: JSONValue, isOlder: Bool) throws -> Change {
        guard case .object(let members) = operation else {
            throw CloudError(.badRequest, "Operations must be JSON objects.")
        }
        let (name, pointer) = isOlder ? try olderOperation(members) : try namedOperation(members)
        let attribute = try Self.attribute(pointer)
        func value() throws -> JSONValue {
            guard let value = members["value"] else {
                throw CloudError(.badRequest, "Operation \"\(name)\" requires a member named \"value\".")
            }
            return value
        }
        switch name {
        case "add": return .add(attribute, try value())
        case "replace": return .replace(attribute, try value())
        case "remove": return .remove(attribute)
        default: throw CloudError(.badRequest, "Operations must be one of add, replace, remove; not \(name).")
        }
    }

    private static func namedOperation(_ members: JSONObject) throws -> (name: String, pointer: String) {
        guard case .string(let name)? = members["op"] else {
            throw CloudError(.badRequest, "Unable to find 'op' in JSON Schema change.")
        }
        guard case .string(let pointer)? = members["path"] else {
            throw CloudError(.badRequest, "Unable to find 'path' in JSON Schema change.")
        }
        return (name, pointer)
    }

    private static func olderOperation(_ members: JSONObject) throws -> (name: String, pointer: String) {
        let found = ["add", "replace", "remove"].filter { members[$0] != nil }
        guard let name = found.first, found.count == 1, case .string(let pointer)? = members[name] else {
            throw CloudError(
                .badRequest, "Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\".")
        }
        return (name, pointer)
    }

    /// `/os_distro` → `os_distro`; RFC 6901's escapes count.
    private static func attribute(_ pointer: String) throws -> String {
        guard pointer.hasPrefix("/"), pointer.count > 1 else {
            throw CloudError(.badRequest, "Pointer `\(pointer)` does not start with \"/\" and a name.")
        }
        let name = pointer.dropFirst()
        guard !name.contains("/") else {
            throw CloudError(.badRequest, "Invalid JSON pointer for this resource: '\(pointer)'. It names one attribute.")
        }
        let tildes = name.components(separatedBy: "~").dropFirst()
        guard tildes.allSatisfy({ $0.hasPrefix("0") || $0.hasPrefix("1") }) else {
            throw CloudError(.badRequest, "Pointer `\(pointer)` contains '~' not part of a recognized escape sequence.")
        }
        return String(name).replacing("~1", with: "/").replacing("~0", with: "~")
    }
}
