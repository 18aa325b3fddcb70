package import CellProtocol

/// Hosts that are up, not disabled, and haven't failed this server already.
package struct EnabledFilter: HostFilter {
    package static let name = "enabled"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool {
        host.enabled && host.up && !request.avoiding.contains(host.name)
    }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        if request.avoiding.contains(host.name) { return "failed this server already" }
        return host.enabled ? "is down" : "is disabled"
    }
}
