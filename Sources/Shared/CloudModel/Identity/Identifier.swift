package import Foundation

/// A name or number that means exactly one kind of thing, so that a server's id can't be passed where a host's is wanted.
package protocol Identifier: RawRepresentable, Hashable, Codable, Sendable, Comparable, CustomStringConvertible
where RawValue: Hashable & Sendable {
    init(rawValue: RawValue)
}

/// An identifier that is text: names people choose, and Keystone's 32 hex digits.
package protocol TextIdentifier: Identifier, ExpressibleByStringLiteral where RawValue == String {}

extension TextIdentifier {
    package init(_ text: String) { self.init(rawValue: text) }
    package init(stringLiteral text: String) { self.init(rawValue: text) }
    package init(from decoder: any Decoder) throws {
        self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    package var description: String { rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// An identifier that is an RFC 9562 UUID, written in lower case as OpenStack does.
package protocol UUIDIdentifier: Identifier where RawValue == UUID {}

extension UUIDIdentifier {
    /// A new one, at random (version 4).
    package static func random() -> Self { Self(rawValue: UUID()) }

    /// Reads the canonical form with dashes, in either case; nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 36, let uuid = UUID(uuidString: String(text)) else { return nil }
        self.init(rawValue: uuid)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is not a UUID.")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { rawValue.lowercased }
    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue.bytes.lexicographicallyPrecedes(right.rawValue.bytes)
    }
}

extension UUID {
    /// The sixteen bytes, in network order.
    package var bytes: [UInt8] { withUnsafeBytes(of: uuid) { Array($0) } }

    /// The canonical text in lower case. By hand: `uuidString.lowercased()` costs fifty times as much.
    package var lowercased: String {
        String(unsafeUninitializedCapacity: 36) { text in
            var at = 0
            withUnsafeBytes(of: uuid) { bytes in
                for (index, byte) in bytes.enumerated() {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        text[at] = UInt8(ascii: "-")
                        at += 1
                    }
                    text[at] = hexDigit(byte >> 4)
                    text[at + 1] = hexDigit(byte & 15)
                    at += 2
                }
            }
            return at
        }
    }

    /// 32 hex digits without dashes, as Keystone writes its ids.
    package var hex: String { bytes.hex }
}

extension Sequence<UInt8> {
    /// Two lower-case hex digits a byte.
    package var hex: String {
        var text: [UInt8] = []
        for byte in self { text += [hexDigit(byte >> 4), hexDigit(byte & 15)] }
        return String(decoding: text, as: UTF8.self)
    }
}

private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
