package import CloudModel
package import Hummingbird

/// The query of a URI, decoded once, in order. Repeated names are kept: `sort_key=a&sort_key=b`.
package struct QueryItems: Sendable {
    package let items: [(name: String, value: String)]

    /// More than this many is an attack, not a filter.
    private static let limit = 256

    package init(_ query: String?) throws(CloudError) {
        var items: [(String, String)] = []
        for part in (query ?? "").split(separator: "&") {
            guard items.count < Self.limit else {
                throw CloudError(.badRequest, "The query has more than \(Self.limit) parameters.")
            }
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            items.append((try Self.decoded(pair[0]), pair.count > 1 ? try Self.decoded(pair[1]) : ""))
        }
        self.items = items
    }

    /// The last value of that name, as webob's `GET[name]` has it.
    package subscript(_ name: String) -> String? { items.last { $0.name == name }?.value }
    package func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }
    package func has(_ name: String) -> Bool { items.contains { $0.name == name } }
    package var names: Set<String> { Set(items.map(\.name)) }

    /// Whether a flag stands there, in OpenStack's way: present without a value, or a word that means yes.
    package func flag(_ name: String) -> Bool {
        guard let value = self[name]?.lowercased() else { return false }
        return !["0", "false", "f", "no", "n", "off"].contains(value)
    }

    private static func decoded(_ text: Substring) throws(CloudError) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(text) }
        var out: [UInt8] = []
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "+"): out.append(0x20)
            case UInt8(ascii: "%"):
                guard let high = digit(rest.next()), let low = digit(rest.next()) else {
                    throw CloudError(.badRequest, "The query holds a '%' without two hex digits.")
                }
                out.append(high << 4 | low)
            default: out.append(byte)
            }
        }
        guard let text = String(validating: out, as: UTF8.self), !text.utf8.contains(0) else {
            throw CloudError(.badRequest, "The query isn't UTF-8 text.")
        }
        return text
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(let byte) where (48...57).contains(byte): byte - 48
        case .some(let byte) where (65...70).contains(byte): byte - 55
        case .some(let byte) where (97...102).contains(byte): byte - 87
        default: nil
        }
    }
}

extension Request {
    /// The query, decoded. Throws 400 for one that isn't text.
    package var query: QueryItems {
        get throws(CloudError) { try QueryItems(uri.query) }
    }
}
