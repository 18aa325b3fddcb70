package import CellProtocol
internal import CloudModel

/// Every trait that the flavor requires (`trait:NAME=required`, as Placement has it).
package struct TraitsFilter: HostFilter {
    package static let name = "traits"
    package init() {}
    package func passes(_ host: HostState, for request: HostRequest) -> Bool { missing(host, request).isEmpty }
    package func reason(_ host: HostState, for request: HostRequest) -> String {
        "lacks \(missing(host, request).joined(separator: ", "))"
    }
    private func missing(_ host: HostState, _ request: HostRequest) -> [String] {
        if request.spec.flavor.extraSpecs.isEmpty { return [] }
        return request.spec.flavor.requiredTraits.filter { !host.traits.contains($0) }
    }
}
