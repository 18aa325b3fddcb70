internal import Foundation

/// A message between the API cell, a child cell and a host. This module is the only place where messages are defined: one file
/// each under `Messages/`, each with a golden encoding in the tests.
///
/// The encoding is JSON (docs/decisions/0002). Rules for neighbouring releases: a field is added as an optional and never changes
/// its meaning; a reader ignores fields it doesn't know; what can't be done that way gets a new `kind` with the next number.
package protocol CellMessage: Codable, Sendable {
    /// The name on the wire with its version: `reserve-host/1`. At most 40 bytes.
    static var kind: String { get }
}

/// A message that is answered: at most `deadline` after it was sent, or the caller's call fails.
package protocol CellCall: CellMessage {
    associatedtype Reply: Codable & Sendable
}

/// A message that isn't answered. May be lost: it is a wake-up or a newer value of something that is sent again.
package protocol CellCast: CellMessage {}

/// An empty answer.
package struct Done: Codable, Sendable, Hashable {
    package init() {}
}

/// Encodes and decodes what messages carry, in one place.
package enum CellCoding {
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    package static func decode<Value: Decodable>(_: Value.Type = Value.self, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(bytes))
    }
}
