/// The ports of a federation on one machine, where everything listens on 127.0.0.1.
struct APIPorts: Sendable {
    let identity = Ports.take(), image = Ports.take(), compute = Ports.take()
    let hubControl = Ports.take(), hubBulk = Ports.take()
    let apiHealth = Ports.take(), hubHealth = Ports.take()
}

struct CellPorts: Sendable {
    let agentsControl = Ports.take(), agentsBulk = Ports.take()
    let conductorHealth = Ports.take(), schedulerHealth = Ports.take()
    let gateway = Ports.take(), gatewayHealth = Ports.take()
}

/// The files `federation.yml` and `region.yml`, as an operator would write them.
enum ConfigurationText {
    /// - Parameter hub: where this reader reaches the hub: itself, or a relay.
    static func federation(_ ports: APIPorts, hub: (control: Int, bulk: Int), timing: [String: Double]) -> String {
        let times = timing.sorted { $0.key < $1.key }.map { ", \($0.key): \($0.value)" }.joined()
        return """
            federation:
              name: meridian
              timing: {profile: lab\(times)}
            api_cell:
              address: 127.0.0.1
              public_host: 127.0.0.1
              ports:
                identity: \(ports.identity)
                compute: \(ports.compute)
                image: \(ports.image)
                hub_control: \(hub.control)
                hub_bulk: \(hub.bulk)
                api_health: \(ports.apiHealth)
                super_scheduler_health: \(ports.hubHealth)
                postgresql: 5432
              tls: false
            """ + "\n"
    }

    static func region(_ name: String, _ ports: CellPorts) -> String {
        """
        region: {name: \(name), weight: 1.0}
        child_cell:
          address: 127.0.0.1
          ports:
            agents_control: \(ports.agentsControl)
            agents_bulk: \(ports.agentsBulk)
            conductor_health: \(ports.conductorHealth)
            scheduler_health: \(ports.schedulerHealth)
            postgresql: 5432
          gateway: {port: \(ports.gateway), health: \(ports.gatewayHealth), cache_gib: 1}
          scheduling:
            policy: filter
            seed: 1
            filters: [enabled, availability_zone, cpu, memory, disk, traits, affinity, anti_affinity]
            weighers: [spread]
          allocation_ratios: {vcpus: 16.0, memory: 1.0, disk: 1.0}
        compute_host:
          hypervisor: simulated
          ports: {health: 7795}
          hosts: []
        """ + "\n"
    }
}
