package import CellProtocol
internal import CloudModel

/// Servers of an affinity group share a host: any host for the first, that host for the others.
package struct AffinityFilter: HostFilter {
    package static let name = "affinity"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool {
        guard request.spec.group?.policy == .affinity, !request.groupHosts.isEmpty else { return true }
        return request.groupHosts[host.name] != nil
    }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "the group's servers are on \(request.groupHosts.keys.sorted().map(\.rawValue).joined(separator: ", "))"
    }
}
