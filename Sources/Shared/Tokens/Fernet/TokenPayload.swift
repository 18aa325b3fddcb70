package import CloudModel

/// What a token says, before the database is asked whether it still holds. Small: about 60 bytes, so that a token fits into
/// 230 characters.
///
/// Layout, version 1: `version | methods | scope kind | user | scope's id | expires (µs) | issued (µs) | audit ids`. An id is one length
/// byte and text; 32 hex digits are packed into 16 bytes under the length 255. Numbers are big-endian.
package struct TokenPayload: Sendable, Equatable {
    package enum Scope: Sendable, Hashable {
        case unscoped
        case project(ProjectID)
        case domain(DomainID)
        case system
    }

    package struct Methods: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let password = Methods(rawValue: 1)
        package static let token = Methods(rawValue: 2)

        /// As Keystone writes them.
        package var names: [String] {
            [(Methods.token, "token"), (.password, "password")].filter { contains($0.0) }.map(\.1)
        }
    }

    package var userID: UserID
    package var scope: Scope
    package var methods: Methods
    package var issuedAt: Timestamp
    package var expiresAt: Timestamp
    /// The token's own, then that of the first of its chain, if it was made from another token. 16 random bytes as base64url.
    package var auditIDs: [String]

    package init(
        userID: UserID, scope: Scope, methods: Methods, issuedAt: Timestamp, expiresAt: Timestamp, auditIDs: [String]
    ) {
        self.userID = userID
        self.scope = scope
        self.methods = methods
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.auditIDs = auditIDs
    }

    package static func newAuditID() -> String { Base64.urlEncoded(SecureRandom.bytes(16)) }

    package var encoded: [UInt8] {
        var out: [UInt8] = [1, methods.rawValue]
        switch scope {
        case .unscoped: out.append(0)
        case .project: out.append(1)
        case .domain: out.append(2)
        case .system: out.append(3)
        }
        Self.put(userID.rawValue, &out)
        switch scope {
        case .project(let id): Self.put(id.rawValue, &out)
        case .domain(let id): Self.put(id.rawValue, &out)
        case .unscoped, .system: break
        }
        for time in [expiresAt, issuedAt] { withUnsafeBytes(of: time.microseconds.bigEndian) { out.append(contentsOf: $0) } }
        out.append(UInt8(auditIDs.count))
        for id in auditIDs { Self.put(id, &out) }
        return out
    }

    /// nil for bytes of another version, or that are too few or too many.
    package init?(decoding bytes: [UInt8]) {
        var rest = bytes[...]
        guard rest.popFirst() == 1, let methods = rest.popFirst(), let kind = rest.popFirst(), let user = Self.text(&rest)
        else {
            return nil
        }
        self.userID = UserID(user)
        self.methods = Methods(rawValue: methods)
        switch kind {
        case 0: scope = .unscoped
        case 1:
            guard let id = Self.text(&rest) else { return nil }
            scope = .project(ProjectID(id))
        case 2:
            guard let id = Self.text(&rest) else { return nil }
            scope = .domain(DomainID(id))
        case 3: scope = .system
        default: return nil
        }
        guard let expires = Self.time(&rest), let issued = Self.time(&rest), let count = rest.popFirst(), count <= 2 else {
            return nil
        }
        expiresAt = expires
        issuedAt = issued
        var ids: [String] = []
        for _ in 0..<count {
            guard let id = Self.text(&rest) else { return nil }
            ids.append(id)
        }
        guard rest.isEmpty else { return nil }
        auditIDs = ids
    }

    private static func put(_ text: String, _ out: inout [UInt8]) {
        if let packed = packedHex(text) {
            out.append(255)
            out += packed
        } else {
            let bytes = text.utf8.prefix(254)
            out.append(UInt8(bytes.count))
            out += bytes
        }
    }

    private static func packedHex(_ text: String) -> [UInt8]? {
        guard text.utf8.count == 32 else { return nil }
        var out: [UInt8] = []
        var high: UInt8?
        for byte in text.utf8 {
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 97...102: digit = byte - 87
            default: return nil
            }
            if let first = high {
                out.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return out
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let length = rest.popFirst() else { return nil }
        let count = length == 255 ? 16 : Int(length)
        guard rest.count >= count else { return nil }
        let bytes = rest.prefix(count)
        rest = rest.dropFirst(count)
        return length == 255 ? bytes.hex : String(validating: bytes, as: UTF8.self)
    }

    private static func time(_ rest: inout ArraySlice<UInt8>) -> Timestamp? {
        guard rest.count >= 8 else { return nil }
        let value = rest.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
        rest = rest.dropFirst(8)
        return Timestamp(microseconds: value)
    }
}
