package import CellProtocol
internal import CloudModel

/// A preference among the hosts that passed. One file each, pure. Raw scores are brought to 0…1 over the candidates and multiplied,
/// as Nova's weighers are, so that multipliers compare.
package protocol HostWeigher: Sendable {
    /// The name in region files: `spread`.
    static var name: String { get }
    init()
    /// Higher is better.
    func score(_ host: HostState, for request: HostRequest) -> Double
}

/// The weighers there are, by name.
package enum HostWeighers {
    package static let all: [any HostWeigher.Type] = [
        SpreadWeigher.self, PackWeigher.self, ImageLocalityWeigher.self, SoftGroupWeigher.self,
    ]
    package static func named(_ name: String) -> (any HostWeigher)? { all.first { $0.name == name }.map { $0.init() } }
}
