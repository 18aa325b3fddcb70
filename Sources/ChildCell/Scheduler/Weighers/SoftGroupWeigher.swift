package import CellProtocol

/// Soft affinity and soft anti-affinity: closeness to, or distance from, the group's servers as a wish.
package struct SoftGroupWeigher: HostWeigher {
    package static let name = "soft_group"
    package init() {}
    package func score(_ host: HostState, for request: HostRequest) -> Double {
        let here = Double(request.groupHosts[host.name, default: 0])
        return switch request.spec.group?.policy {
        case .softAffinity: here
        case .softAntiAffinity: -here
        case .affinity, .antiAffinity, nil: 0
        }
    }
}
