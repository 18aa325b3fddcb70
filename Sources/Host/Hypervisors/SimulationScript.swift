package import CloudModel

/// How simulated guests behave: how long each verb takes and how often it fails.
package struct SimulationScript: Sendable {
    /// The verbs whose time and failures can be scripted.
    package enum Step: String, Sendable, CaseIterable, Codable {
        case define, start, stop, reboot, destroy
    }

    /// How long each step takes; those not named take none.
    package var times: [Step: Duration]
    /// How likely each step is to fail, 0...1; those not named never do.
    package var failureRates: [Step: Double]
    /// What decides which fail. The same seed and the same order of calls fail alike.
    package var seed: UInt64
    package var description: HypervisorDescription

    /// - Parameter boot: how long define and start take together.
    package init(boot: Duration = .zero, failureRate: Double = 0, seed: UInt64 = 1, size: ResourceSize = .simulatedHost) {
        times = [.define: boot / 2, .start: boot / 2]
        failureRates = failureRate > 0 ? [.start: failureRate] : [:]
        self.seed = seed
        description = HypervisorDescription(size: size, type: "simulated", version: 1_000_000, acceleration: "simulated")
    }
}

extension ResourceSize {
    /// What a simulated host has unless told otherwise: a common two-socket server.
    package static let simulatedHost = ResourceSize(vcpus: 64, ram: 262_144, disk: 4_000)
}
