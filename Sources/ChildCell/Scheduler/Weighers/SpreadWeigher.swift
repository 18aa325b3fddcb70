package import CellProtocol
internal import CloudModel

/// The emptiest host first: by the share of memory, then of vCPUs, that is free.
package struct SpreadWeigher: HostWeigher {
    package static let name = "spread"
    package init() {}
    package func score(_ host: HostState, for request: HostRequest) -> Double { host.freeShare }
}

extension HostState {
    /// The share that is free of memory and of vCPUs, memory counting double since it is what runs out first.
    package var freeShare: Double {
        let memory = Double(free.ram) / Double(max(1, total.ram))
        let processors = Double(free.vcpus) / Double(max(1, total.vcpus))
        return (2 * memory + processors) / 3
    }
}
