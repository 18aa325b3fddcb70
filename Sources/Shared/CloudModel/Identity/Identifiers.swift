package import Foundation

/// A server (Nova's instance). Unique over the federation; made by the API cell.
package struct ServerID: UUIDIdentifier {
    package let rawValue: UUID
    package init(rawValue: UUID) { self.rawValue = rawValue }
}

/// An accepted request to change a server: one row of `server_actions`. Deduplicates deliveries.
package struct IntentID: UUIDIdentifier {
    package let rawValue: UUID
    package init(rawValue: UUID) { self.rawValue = rawValue }
}

/// A Glance image.
package struct ImageID: UUIDIdentifier {
    package let rawValue: UUID
    package init(rawValue: UUID) { self.rawValue = rawValue }
}

/// A server group (affinity and anti-affinity).
package struct ServerGroupID: UUIDIdentifier {
    package let rawValue: UUID
    package init(rawValue: UUID) { self.rawValue = rawValue }
}

/// A flavor's public id: any text the administrator chose.
package struct FlavorID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A Keystone project: 32 hex digits.
package struct ProjectID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A Keystone user: 32 hex digits.
package struct UserID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A Keystone domain: `default`, or 32 hex digits.
package struct DomainID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A child cell, which is a region of the federation: `tunis`.
package struct CellName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A compute host, unique over the federation: `compute-1.tunis`.
package struct HostName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// An availability zone. A region's name is the default zone of its hosts.
package struct ZoneName: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// `req-…`, made by the API (or taken from `X-OpenStack-Request-ID`) and carried by every message a request causes.
package struct RequestID: TextIdentifier {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static func random() -> RequestID { RequestID(rawValue: "req-" + UUID().lowercased) }
}

/// Numbers placements. Drawn from one sequence of the API cell, so that of two placements anywhere in the federation the
/// later one has the higher number; a cell or host that has seen a higher one than the API cell knows tells a rewound API
/// database from a sane one.
package struct PlacementEpoch: Identifier {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ number: Int64) { rawValue = number }
    package init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(Int64.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
    package var description: String { String(rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    /// Before any placement.
    package static let none = PlacementEpoch(0)
}
