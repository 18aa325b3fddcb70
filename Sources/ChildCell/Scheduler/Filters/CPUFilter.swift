package import CellProtocol
internal import CloudModel

/// Enough vCPUs, after the allocation ratio.
package struct CPUFilter: HostFilter {
    package static let name = "cpu"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool {
        request.spec.flavor.size.vcpus <= host.free.vcpus
    }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "has \(max(0, host.free.vcpus)) of \(host.total.vcpus) vCPUs free, \(request.spec.flavor.size.vcpus) wanted"
    }
}
