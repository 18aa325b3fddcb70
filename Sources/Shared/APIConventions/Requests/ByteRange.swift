import CloudModel

/// The part of a file that a `Range` header asks for (RFC 9110, 14.2): one range of bytes; anything else is ignored, as the RFC allows.
package struct ByteRange: Sendable, Equatable {
    package var start: Int64
    package var count: Int64

    package init(start: Int64, count: Int64) {
        self.start = start
        self.count = count
    }

    /// nil: send everything. Throws `rangeNotSatisfiable` for a range outside the file.
    package static func parse(_ header: String?, size: Int64) throws -> ByteRange? {
        guard let header, header.hasPrefix("bytes=") else { return nil }
        let spec = header.dropFirst(6)
        guard !spec.contains(","), let dash = spec.firstIndex(of: "-") else { return nil }
        let first = spec[..<dash]
        let last = spec[spec.index(after: dash)...]
        if first.isEmpty {
            guard let suffix = number(last) else { return nil }
            guard suffix > 0, size > 0 else { throw outside(size) }
            let count = min(suffix, size)
            return ByteRange(start: size - count, count: count)
        }
        guard let start = number(first) else { return nil }
        var end = size - 1
        if !last.isEmpty {
            guard let given = number(last), given >= start else { return nil }
            end = min(given, size - 1)
        }
        guard start < size else { throw outside(size) }
        return ByteRange(start: start, count: end - start + 1)
    }

    /// `Content-Range` of the answer.
    package func header(of size: Int64) -> String { "bytes \(start)-\(start + count - 1)/\(size)" }

    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }

    private static func outside(_ size: Int64) -> CloudError {
        CloudError(.rangeNotSatisfiable, "The requested range lies outside the image, which has \(size) bytes.")
    }
}
