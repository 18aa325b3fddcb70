package import CellProtocol
internal import CloudModel

/// Enough disk, after the allocation ratio.
package struct DiskFilter: HostFilter {
    package static let name = "disk"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool { request.spec.flavor.size.disk <= host.free.disk }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "has \(max(0, host.free.disk)) of \(host.total.disk) GiB free, \(request.spec.flavor.size.disk) wanted"
    }
}
