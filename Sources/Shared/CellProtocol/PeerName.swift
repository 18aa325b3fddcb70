package import CloudModel

/// Who speaks on a link: `cell:tunis`, `host:compute-1.tunis`. Bound to a public key by enrolment, never claimed by the peer itself; only
/// a simulator names which of its hosts it means (`speaks(for:to:)`).
package struct PeerName: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// What kind of process it is, which decides what it may say.
    package enum Role: String, Sendable, CaseIterable, Codable {
        /// The super-scheduler process: the hub at the top.
        case hub
        /// An HTTP process of the API cell.
        case api
        /// The conductor of a child cell.
        case cell
        /// The scheduler of a child cell.
        case scheduler
        /// A compute agent.
        case host
        /// A process of simulated hosts that speaks for all of them over one link (docs/decisions/0022).
        case simulator
    }

    package let role: Role
    package let name: String

    package init(_ role: Role, _ name: String) {
        self.role = role
        self.name = name
    }

    package static func cell(_ cell: CellName) -> PeerName { PeerName(.cell, cell.rawValue) }
    package static func scheduler(_ cell: CellName) -> PeerName { PeerName(.scheduler, cell.rawValue) }
    package static func host(_ host: HostName) -> PeerName { PeerName(.host, host.rawValue) }
    package static func api(_ name: String) -> PeerName { PeerName(.api, name) }
    package static func hub(_ name: String) -> PeerName { PeerName(.hub, name) }

    /// Reads `role:name`; nil for an unknown role, or a name that is not 1 to 120 of letters, digits, dot and dash.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let role = Role(rawValue: String(parts[0])), (1...120).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46
            })
        else { return nil }
        self.init(role, String(parts[1]))
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let name = PeerName(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is not a peer's name.")
        }
        self = name
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    package var description: String { "\(role.rawValue):\(name)" }
    package static func < (left: PeerName, right: PeerName) -> Bool { left.description < right.description }
}
