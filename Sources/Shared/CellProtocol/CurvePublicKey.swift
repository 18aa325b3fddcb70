/// The public half of a CURVE key, as text: 40 characters of Z85 (ZeroMQ RFC 32) for the 32 bytes of a point of Curve25519.
package struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Nil for anything but such a text.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 40 else { return nil }
        var group: UInt64 = 0
        for (place, character) in text.utf8.enumerated() {
            guard let value = Self.values[character] else { return nil }
            group = (place % 5 == 0 ? 0 : group) * 85 + value
            // Five characters could say a little more than four bytes can hold.
            if place % 5 == 4, group > UInt64(UInt32.max) { return nil }
        }
        self.text = String(text)
    }

    package var description: String { text }

    private static let alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    private static let values = Dictionary(uniqueKeysWithValues: zip(alphabet.utf8, UInt64(0)...))
}
