package import CellProtocol

/// The fullest host that still fits first, so that whole hosts stay free.
package struct PackWeigher: HostWeigher {
    package static let name = "pack"
    package init() {}
    package func score(_ host: HostState, for request: HostRequest) -> Double { -host.freeShare }
}
