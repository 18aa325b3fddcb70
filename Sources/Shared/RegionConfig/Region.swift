package import CloudModel

/// A region, which is a child cell and its compute hosts, as `regions/<name>/region.yml` describes it.
package struct Region: Sendable, Equatable {
    /// The name of the region, of its cell, and of the default availability zone of its hosts.
    package let name: CellName
    package let description: String
    /// How much of the load the super-scheduler should prefer to send here; 1.0 is neutral, 0 means only when asked for by zone.
    package let weight: Double
    package let childCell: ChildCell
    package let computeHost: ComputeHosts

    package struct ChildCell: Sendable, Equatable {
        /// Where the conductor listens for its hosts and its scheduler.
        package let address: String
        package let ports: Ports
        /// The region's image cache; nil: there is none, and hosts fetch images from the API cell.
        package let gateway: Gateway?
        package let scheduling: Scheduling
        package let allocationRatios: AllocationRatios
        /// Where Ansible's ssh inventory finds the control host, if not at its address.
        package let ssh: String?
    }

    package struct Ports: Sendable, Equatable {
        package let agentsControl: Int
        package let agentsBulk: Int
        package let conductorHealth: Int
        package let schedulerHealth: Int
        package let postgresql: Int
    }

    package struct Gateway: Sendable, Equatable {
        /// Where hosts ask for images, at the cell's address.
        package let port: Int
        package let healthPort: Int
        /// What all cached images may take together.
        package let cacheGiB: Int

        package var cacheBytes: Int64 { Int64(cacheGiB) << 30 }
    }

    /// How many times over what a host has is promised to servers.
    package struct AllocationRatios: Sendable, Equatable {
        package let vcpus: Double
        package let memory: Double
        package let disk: Double
    }

    package struct ComputeHosts: Sendable, Equatable {
        package let hypervisor: Hypervisor
        package let healthPort: Int
        /// What each host gives to servers, where that is less than all it has; nil: what the hypervisor reports.
        package let offers: ResourceSize?
        package let hosts: [ComputeHost]
    }

    package enum Hypervisor: String, Sendable, CaseIterable {
        case libvirt
        case simulated
    }

    package struct ComputeHost: Sendable, Equatable {
        /// As in the file, unique in the region: `compute-1`. What `meridian-host --host` is given.
        package let name: String
        /// Unique over the federation: `compute-1.tunis`.
        package let hostName: HostName
        package let address: String
        /// The region's name unless the file says otherwise.
        package let zone: ZoneName
        package let traits: [String]
        /// Where Ansible's ssh inventory finds the machine, if not at its address.
        package let ssh: String?
    }

    /// The host of that name, short or full.
    package func host(_ name: String) -> ComputeHost? {
        computeHost.hosts.first { $0.name == name || $0.hostName.rawValue == name }
    }
}
