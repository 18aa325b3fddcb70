package import CloudModel

/// `limit` and `marker` of a listing, in OpenStack's way.
package struct Paging: Sendable, Equatable {
    /// How many rows to answer at most.
    package let limit: Int
    /// The id of the last row of the page before.
    package let marker: String?
    /// Whether the client named a limit: then a next link is due when the page is full.
    package let isLimited: Bool

    /// Throws 400 for a limit that isn't a number of 0 or more. Limits above `maximum` are lowered to it, as Nova does.
    package init(_ query: QueryItems, maximum: Int = 1000) throws(CloudError) {
        marker = query["marker"].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = query["limit"] else {
            limit = maximum
            isLimited = false
            return
        }
        guard let asked = Int(text), asked >= 0 else {
            throw CloudError(
                .badRequest,
                "Invalid input for query parameters limit. Value: \(text.prefix(40)). limit must be an integer of 0 or more.")
        }
        limit = min(asked, maximum)
        isLimited = true
    }

    /// The link to the next page: the same query with another marker. nil when this page wasn't full.
    package func next(after last: String?, count: Int, path: String, query: QueryItems) -> String? {
        guard count > 0, count >= limit, let last else { return nil }
        var parts = query.items.filter { $0.name != "marker" }.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }
        parts.append("marker=\(Self.encoded(last))")
        return "\(path)?\(parts.joined(separator: "&"))"
    }

    /// Percent-encodes all but RFC 3986's unreserved characters.
    package static func encoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            default:
                let digits = Array("0123456789ABCDEF".utf8)
                out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
