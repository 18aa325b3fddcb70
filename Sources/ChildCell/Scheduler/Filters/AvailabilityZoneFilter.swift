package import CellProtocol

/// The zone that was asked for, if any.
package struct AvailabilityZoneFilter: HostFilter {
    package static let name = "availability_zone"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool {
        request.spec.zone == nil || request.spec.zone == host.zone
    }
    package func reason(_ host: HostState, for request: HostRequest) -> String { "is in zone \(host.zone)" }
}
