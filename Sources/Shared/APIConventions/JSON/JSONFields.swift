package import CloudModel

/// Reads an object's members one by one and refuses what doesn't fit, in the words Nova uses, because clients' tests and
/// people's eyes know them: `Invalid input for field/attribute name. Value: 5. 5 is not of type 'string'`.
package struct JSONFields: Sendable {
    package let object: JSONObject
    /// What the object is called in messages: `server`.
    package let name: String

    /// The members of `value`, which must be an object.
    package init(_ value: JSONValue, name: String) throws(CloudError) {
        guard let object = value.object else {
            throw Self.invalid(name, value, "\(Self.quoted(value)) is not of type 'object'")
        }
        self.object = object
        self.name = name
    }

    /// The object under `key` of a request body: `{"server": {…}}`.
    package init(_ body: JSONValue, in key: String) throws(CloudError) {
        let outer = try JSONFields(body, name: "body")
        guard let inner = outer.object[key] else { throw outer.missing(key) }
        try self.init(inner, name: key)
    }

    package subscript(_ key: String) -> JSONValue? { object[key] }
    package func has(_ key: String) -> Bool { object[key] != nil }

    /// Refuses members that nobody knows, as Nova does.
    package func allow(only keys: Set<String>) throws(CloudError) {
        let unknown = object.keys.filter { !keys.contains($0) }
        guard let first = unknown.first else { return }
        let list = unknown.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        let verb = unknown.count == 1 ? "was" : "were"
        throw Self.invalid(
            name, .object(object), "Additional properties are not allowed (\(list) \(verb) unexpected)", shown: first)
    }

    // MARK: Text

    package func string(_ key: String, length: ClosedRange<Int> = 0...255) throws(CloudError) -> String {
        guard let value = object[key] else { throw missing(key) }
        return try text(key, value, length)
    }

    /// nil when the member is missing or null.
    package func optionalString(_ key: String, length: ClosedRange<Int> = 0...255) throws(CloudError) -> String? {
        guard let value = object[key], !value.isNull else { return nil }
        return try text(key, value, length)
    }

    /// A name: not blank, without blanks around it, without control characters.
    package func resourceName(_ key: String, length: ClosedRange<Int> = 1...255) throws(CloudError) -> String {
        let text = try string(key, length: length)
        guard !text.allSatisfy(\.isWhitespace), !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else {
            throw Self.invalid(key, .string(text), "'\(text)' does not match the form of a name")
        }
        return text
    }

    // MARK: Numbers and flags

    /// Integers, and, as Nova allows, text that spells one.
    package func int(_ key: String, in range: ClosedRange<Int> = Int.min...Int.max) throws(CloudError) -> Int {
        guard let value = object[key] else { throw missing(key) }
        return try integer(key, value, range)
    }

    package func optionalInt(_ key: String, in range: ClosedRange<Int> = Int.min...Int.max) throws(CloudError) -> Int? {
        guard let value = object[key], !value.isNull else { return nil }
        return try integer(key, value, range)
    }

    /// `true` and `false`, and, as Nova allows and Keystone doesn't, words that mean them.
    package func optionalBool(_ key: String, allowingWords: Bool = true) throws(CloudError) -> Bool? {
        guard let value = object[key], !value.isNull else { return nil }
        switch value {
        case .bool(let flag): return flag
        case .string(let text) where allowingWords:
            switch text.lowercased() {
            case "true", "t", "yes", "y", "on", "1": return true
            case "false", "f", "no", "n", "off", "0": return false
            default: throw Self.invalid(key, value, "'\(text)' is not one of [True, False]")
            }
        case .object, .array, .string, .int, .double, .null:
            throw Self.invalid(key, value, "\(Self.quoted(value)) is not of type 'boolean'")
        }
    }

    // MARK: Parts

    package func fields(_ key: String) throws(CloudError) -> JSONFields {
        guard let value = object[key] else { throw missing(key) }
        return try JSONFields(value, name: key)
    }

    package func optionalFields(_ key: String) throws(CloudError) -> JSONFields? {
        guard let value = object[key], !value.isNull else { return nil }
        return try JSONFields(value, name: key)
    }

    package func optionalArray(_ key: String, limit: Int = 1000) throws(CloudError) -> [JSONValue]? {
        guard let value = object[key], !value.isNull else { return nil }
        guard let array = value.array else { throw Self.invalid(key, value, "\(Self.quoted(value)) is not of type 'array'") }
        guard array.count <= limit else { throw Self.invalid(key, value, "\(Self.quoted(value)) is too long") }
        return array
    }

    /// An object whose values are all text, such as metadata.
    package func optionalTexts(_ key: String, limit: Int = 1000) throws(CloudError) -> [String: String]? {
        guard let fields = try optionalFields(key) else { return nil }
        guard fields.object.members.count <= limit else {
            throw Self.invalid(key, .object(fields.object), "it has too many members")
        }
        var texts: [String: String] = [:]
        for member in fields.object.members {
            // Characters as Nova counts them: a letter under thousands of accents is one for people only.
            guard (1...255).contains(member.key.unicodeScalars.count) else {
                throw Self.invalid(key, .string(member.key), "a key has 1 to 255 characters")
            }
            guard !member.key.utf8.contains(0) else { throw Self.invalid(key, "a key", "it holds a NUL character") }
            texts[member.key] = try fields.text(member.key, member.value, 0...255)
        }
        return texts
    }

    // MARK: Sentences

    /// `Invalid input for field/attribute <key>. Value: <value>. <problem>`, status 400.
    package static func invalid(_ key: String, _ value: JSONValue, _ problem: String, shown: String? = nil) -> CloudError {
        CloudError(
            .badRequest, "Invalid input for field/attribute \(key). Value: \(clipped(shown ?? plain(value))). \(problem)")
    }

    /// Names the field and shows nothing of what stands beside it, which may be a password.
    package func missing(_ key: String) -> CloudError {
        CloudError(.badRequest, "Invalid input for field/attribute \(name). '\(key)' is a required property")
    }

    private func text(_ key: String, _ value: JSONValue, _ length: ClosedRange<Int>) throws(CloudError) -> String {
        guard case .string(let text) = value else {
            throw Self.invalid(key, value, "\(Self.quoted(value)) is not of type 'string'")
        }
        let count = text.unicodeScalars.count
        if count < length.lowerBound { throw Self.invalid(key, value, "\(Self.quoted(value)) is too short") }
        if count > length.upperBound { throw Self.invalid(key, value, "\(Self.quoted(value)) is too long") }
        guard !text.unicodeScalars.contains("\0") else { throw Self.invalid(key, value, "it holds a NUL character") }
        return text
    }

    private func integer(_ key: String, _ value: JSONValue, _ range: ClosedRange<Int>) throws(CloudError) -> Int {
        let number: Int? =
            switch value {
            case .int(let number): Int(number)
            case .string(let text): Int(text)
            case .object, .array, .double, .bool, .null: nil
            }
        guard let number else { throw Self.invalid(key, value, "\(Self.quoted(value)) is not of type 'integer'") }
        if number < range.lowerBound {
            throw Self.invalid(key, value, "\(number) is less than the minimum of \(range.lowerBound)")
        }
        if number > range.upperBound {
            throw Self.invalid(key, value, "\(number) is greater than the maximum of \(range.upperBound)")
        }
        return number
    }

    private static func plain(_ value: JSONValue) -> String { value.string ?? value.text }
    private static func quoted(_ value: JSONValue) -> String { clipped(value.string.map { "'\($0)'" } ?? value.text) }
    private static func clipped(_ text: String) -> String {
        text.unicodeScalars.count <= 200 ? text : String(text.unicodeScalars.prefix(200)) + "…"
    }
}
