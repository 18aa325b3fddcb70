package import CloudModel
package import RegionConfig

/// The addresses that clients are told.
package struct PublicURLs: Sendable {
    private let base: String
    private let ports: Federation.Ports

    package init(_ federation: Federation) {
        base = "\(federation.apiCell.scheme)://\(federation.apiCell.publicHost)"
        ports = federation.apiCell.ports
    }

    package var identityRoot: String { "\(base):\(ports.identity)" }
    package var image: String { "\(base):\(ports.image)" }
    package var computeRoot: String { "\(base):\(ports.compute)" }

    /// The endpoints of the federation-wide region, by service type.
    package var federation: [String: String] {
        ["identity": "\(identityRoot)/v3", "image": image, "compute": "\(computeRoot)/v2.1"]
    }

    /// The endpoints of one region that differ from the federation's: the same compute API, scoped to it.
    package func region(_ cell: CellName) -> [String: String] { ["compute": "\(computeRoot)/regions/\(cell)/v2.1"] }
}
