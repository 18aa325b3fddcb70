package import CellProtocol
internal import CloudModel

/// Enough memory, after the allocation ratio.
package struct MemoryFilter: HostFilter {
    package static let name = "memory"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool { request.spec.flavor.size.ram <= host.free.ram }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "has \(max(0, host.free.ram)) of \(host.total.ram) MiB free, \(request.spec.flavor.size.ram) wanted"
    }
}
