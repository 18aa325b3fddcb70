package import CloudModel
import Tokens

/// A SHA-512 in a header, as RFC 9530 writes it: `sha-512=:base64:`. In the program it is 128 hex digits.
package enum DigestField {
    /// What a header says of SHA-512, among other digests, which are ignored; nil: nothing. Throws `badRequest` for a malformed one.
    package static func sha512(in header: String) throws(CloudError) -> String? {
        for item in header.split(separator: ",") {
            let item = Self.withoutSpace(item)
            guard item.hasPrefix(prefix) else { continue }
            // Parameters may follow; none is defined.
            let bytes = item.dropFirst(prefix.count).prefix { $0 != ";" }
            guard bytes.last == ":", let digest = Base64.decoded(bytes.dropLast()), digest.count == 64 else {
                throw CloudError(.badRequest, "The digest holds no well-formed sha-512.")
            }
            return digest.hex
        }
        return nil
    }

    /// The header for a SHA-512; nil for what is none.
    package static func text(sha512 hex: String) -> String? {
        let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue.map(UInt8.init) }
        guard digits.count == 128, hex.utf8.count == 128 else { return nil }
        let bytes = stride(from: 0, to: 128, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        return "\(prefix)\(Base64.standardEncoded(bytes, padded: true)):"
    }

    /// The space that is optional around a comma.
    private static func withoutSpace(_ item: Substring) -> Substring {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        var item = item.drop(while: isSpace)
        while item.last.map(isSpace) == true { item.removeLast() }
        return item
    }

    private static let prefix = "sha-512=:"
}
