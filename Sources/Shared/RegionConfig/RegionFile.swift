import CloudModel

/// Reads `regions/<name>/region.yml`.
package enum RegionFile {
    /// Throws `ConfigurationError`, with the file, the line and the key, for anything missing, mistyped or unknown.
    package static func load(_ path: String) throws -> Region {
        var file = try Section(file: path)
        return try read(&file)
    }

    /// The same over a text; `file` is what mistakes are told to be in.
    package static func parse(_ text: String, file: String) throws -> Region {
        var section = try Section(text: text, file: file)
        return try read(&section)
    }

    private static func read(_ file: inout Section) throws -> Region {
        let (name, description, weight) = try file.section("region") { section in
            (
                try section.name("name"), try section.optionalText("description") ?? "",
                section.has("weight") ? try section.number("weight", in: 0...1_000, what: "A weight") : 1
            )
        }
        let childCell = try file.section("child_cell", childCell)
        let computeHost = try file.section("compute_host") { try computeHosts(&$0, region: name) }
        try file.end()
        return Region(
            name: CellName(name), description: description, weight: weight, childCell: childCell, computeHost: computeHost)
    }

    private static func childCell(_ section: inout Section) throws -> Region.ChildCell {
        let address = try section.address("address")
        let ports = try section.section("ports", ports)
        return Region.ChildCell(
            address: address, ports: ports,
            gateway: try section.optionalSection("gateway") { try gateway(&$0, beside: ports) },
            scheduling: try section.section("scheduling", scheduling),
            allocationRatios: try section.section("allocation_ratios") { section in
                Region.AllocationRatios(
                    vcpus: try section.number("vcpus", in: 0.1...100, what: "A ratio"),
                    memory: try section.number("memory", in: 0.1...100, what: "A ratio"),
                    disk: try section.number("disk", in: 0.1...100, what: "A ratio"))
            },
            ssh: try section.optionalText("ssh"))
    }

    private static func ports(_ section: inout Section) throws -> Region.Ports {
        let ports = Region.Ports(
            agentsControl: try section.port("agents_control"),
            agentsBulk: try section.port("agents_bulk"),
            conductorHealth: try section.port("conductor_health"),
            schedulerHealth: try section.port("scheduler_health"),
            postgresql: try section.port("postgresql"))
        try section.differ(ports.named)
        return ports
    }

    private static func gateway(_ section: inout Section, beside ports: Region.Ports) throws -> Region.Gateway {
        let gateway = Region.Gateway(
            port: try section.port("port"), healthPort: try section.port("health"),
            cacheGiB: try section.integer("cache_gib", in: 1...(1 << 20), what: "The size of a cache in GiB"))
        try section.differ(ports.named + [("port", gateway.port), ("health", gateway.healthPort)])
        return gateway
    }

    private static func scheduling(_ section: inout Section) throws -> Scheduling {
        let policy = try section.choice("policy", of: Scheduling.Policy.self)
        let listed = section.has("filters")
        if policy == .filter && !listed { throw section.wrong("filters", "The policy filter needs a list of filters.") }
        return Scheduling(
            policy: policy,
            seed: UInt64(section.has("seed") ? try section.integer("seed", in: 0...Int.max, what: "A seed") : 1),
            filters: listed ? try section.choices("filters") : Scheduling.Filter.allCases,
            weighers: section.has("weighers")
                ? try section.weighted("weighers").map { .init($0.0, $0.1) } : [.init(.spread)])
    }

    private static func computeHosts(_ section: inout Section, region: String) throws -> Region.ComputeHosts {
        var names: Set<String> = []
        var addresses: Set<String> = []
        var zones: [ZoneName: Set<String>] = [:]
        return Region.ComputeHosts(
            hypervisor: try section.choice("hypervisor"),
            healthPort: try section.section("ports") { try $0.port("health") },
            offers: try section.optionalSection("offers") { section in
                ResourceSize(
                    vcpus: try section.integer("vcpus", in: 1...4_096, what: "A number of virtual processors"),
                    ram: try section.integer("memory_mib", in: 64...(1 << 26), what: "Memory in MiB"),
                    disk: try section.integer("disk_gib", in: 1...(1 << 26), what: "Disk in GiB"))
            },
            hosts: try section.sections("hosts") { section in
                let name = try section.name("name")
                let address = try section.address("address")
                guard names.insert(name).inserted else { throw section.wrong("name", "Two hosts have this name.") }
                guard addresses.insert(address).inserted else { throw section.wrong("address", "Two hosts have this address.") }
                let zone = ZoneName(try section.optionalText("zone") ?? region)
                let traits = try section.optionalTexts("traits")
                zones[zone, default: []].formUnion(traits)
                guard zones.count <= SummaryLimits.zones else {
                    throw section.wrong(
                        "zone", "This is zone \(zones.count) of the region, which has at most \(SummaryLimits.zones).")
                }
                guard let inZone = zones[zone]?.count, inZone <= SummaryLimits.traitsInZone else {
                    throw section.wrong(
                        "traits", "The hosts of a zone have at most \(SummaryLimits.traitsInZone) different traits, all in all."
                    )
                }
                return Region.ComputeHost(
                    name: name, hostName: HostName("\(name).\(region)"), address: address, zone: zone, traits: traits,
                    ssh: try section.optionalText("ssh"))
            })
    }
}

extension Region.Ports {
    /// With their keys in the file.
    fileprivate var named: [(key: String, port: Int)] {
        [
            ("agents_control", agentsControl), ("agents_bulk", agentsBulk), ("conductor_health", conductorHealth),
            ("scheduler_health", schedulerHealth), ("postgresql", postgresql),
        ]
    }
}
