package import CloudModel
internal import Tokens

/// What lets a child cell into the federation, once: 32 random bytes as 43 characters of base64url. Told to whoever asked for it; the
/// database has its digest alone. Never appears in a description or a log.
package struct EnrolmentToken: Sendable, Equatable, CustomStringConvertible {
    package let text: String

    package static func random() -> EnrolmentToken { EnrolmentToken(known: Base64.urlEncoded(SecureRandom.bytes(32))) }

    /// Nil for what can't be a token.
    package init?(_ text: some StringProtocol) {
        guard text.utf8.count == 43, Base64.decoded(text)?.count == 32 else { return nil }
        self.text = String(text)
    }

    private init(known text: String) { self.text = text }

    /// SHA-256 of the text, 64 hex digits.
    package var digest: String { SHA256Digest.hex(of: text.utf8) }

    package var description: String { "enrolment token ***" }
}

/// A token as the database knows it.
package struct EnrolmentTicket: Sendable, Equatable {
    package var cell: CellName
    /// Whether it may give the cell another key than it has.
    package var replaces: Bool
    package var expires: Timestamp
    /// The key that was enrolled with it; nil: it hasn't been used.
    package var redeemedBy: String?

    package init(cell: CellName, replaces: Bool, expires: Timestamp, redeemedBy: String? = nil) {
        self.cell = cell
        self.replaces = replaces
        self.expires = expires
        self.redeemedBy = redeemedBy
    }
}
