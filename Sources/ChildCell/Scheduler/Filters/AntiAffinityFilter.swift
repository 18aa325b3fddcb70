package import CellProtocol

/// Servers of an anti-affinity group keep apart: at most the rule's number of them on a host. The claim checks it once more, under
/// a lock; this only spares it vain tries.
package struct AntiAffinityFilter: HostFilter {
    package static let name = "anti_affinity"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool {
        guard let group = request.spec.group, group.policy == .antiAffinity else { return true }
        return request.groupHosts[host.name, default: 0] < group.maxServersPerHost
    }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "has \(request.groupHosts[host.name, default: 0]) of the group's servers already"
    }
}
