/// A JSON text as a value (RFC 8259). Numbers without fraction and exponent that fit are integers; objects keep their order.
package enum JSONValue: Sendable, Equatable {
    case object(JSONObject)
    case array([JSONValue])
    case string(String)
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case null

    package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    package var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    package var string: String? { if case .string(let string) = self { string } else { nil } }
    package var int: Int? { if case .int(let int) = self { Int(int) } else { nil } }
    package var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    package var isNull: Bool { self == .null }

    /// The member of an object; nil when this isn't an object or has no such member.
    package subscript(_ key: String) -> JSONValue? { object?[key] }

    /// The value as compact JSON.
    package var text: String {
        var writer = JSONWriter()
        writer.element(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// An object's members in the order they were written. Lookups are linear: OpenStack's objects are small, and a hash of
/// attacker-chosen keys would buy nothing.
package struct JSONObject: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package struct Member: Sendable, Equatable {
        package let key: String
        package let value: JSONValue
    }

    package var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        members = elements.map { Member(key: $0.0, value: $0.1) }
    }

    /// The last member of that name, as most parsers have it.
    package subscript(_ key: String) -> JSONValue? {
        get { members.last { $0.key == key }?.value }
        set {
            let at = members.lastIndex { $0.key == key }
            switch (at, newValue) {
            case (let at?, let value?): members[at] = Member(key: key, value: value)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (let at?, nil): members.remove(at: at)
            case (nil, nil): break
            }
        }
    }

    package var keys: [String] { members.map(\.key) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(elements.map { .init(key: $0.0, value: $0.1) }))
    }
}
