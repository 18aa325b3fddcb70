package import CloudModel

/// A version of an API's behaviour, `2.37`: the client asks for one and gets exactly that.
package struct Microversion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int

    package init(_ major: Int, _ minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// Reads `2.37`. Throws Nova's 400 for anything else.
    package init(parsing text: some StringProtocol) throws(CloudError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ (1...4).contains($0.utf8.count) && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let major = Int(parts[0]), let minor = Int(parts[1]), major > 0
        else {
            throw CloudError(
                .badRequest, "API Version String \(text.prefix(40)) is of invalid format. Must be of format MajorNum.MinorNum.")
        }
        self.init(major, minor)
    }

    package var description: String { "\(major).\(minor)" }
    package static func < (left: Self, right: Self) -> Bool { (left.major, left.minor) < (right.major, right.minor) }
}
