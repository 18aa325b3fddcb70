import ArgumentParser
import CloudModel
import ComputeAgent
import Foundation
import Logging
import Messaging
import ProgramKit
import RegionConfig
import ServiceLifecycle

/// Thousands of simulated hosts in one process: each has an agent, a key and a link of its own, as in production, and they share
/// threads. Only the hypervisor is made up.
@main
struct SimulationProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meridian-sim", abstract: "Run many simulated compute hosts of one region in one process.")

    @OptionGroup var daemon: DaemonOptions
    @Option(name: .long, help: "How many hosts.")
    var hosts: Int
    @Option(name: .long, help: "The number of the first one.")
    var first = 1
    @Option(name: .long, help: "Hosts are named <prefix>-<number>.<region>.")
    var namePrefix = "sim"
    @Option(name: .long, help: "How long a guest takes to boot, in milliseconds.")
    var bootMilliseconds = 5
    @Option(name: .long, help: "How likely a boot is to fail, 0...1.")
    var failRate = 0.0
    @Option(name: .long, help: "What decides which boots fail.")
    var seed: UInt64 = 1
    @Flag(name: .long, help: "Make missing keys and enrol them in <etc>/enrolled.")
    var enrol = false
    @Flag(name: .long, help: "Keep guests in memory only: they are gone when the process is.")
    var forgetful = false

    func validate() throws {
        // Beyond it the messages of all hosts wait for the one thread that carries them.
        guard (1...4_000).contains(hosts) else { throw ValidationError("--hosts is 1 to 4000; run more processes for more.") }
        guard first > 0 else { throw ValidationError("--first is 1 or more.") }
        guard (0...1).contains(failRate) else { throw ValidationError("--fail-rate is 0 to 1.") }
    }

    func run() async {
        await daemon.serve("meridian-sim_\(namePrefix)-\(first)") { folders, log in
            try FileManager.default.createDirectory(atPath: folders.instances, withIntermediateDirectories: true)
            try Descriptors.allow(hosts * Descriptors.perHost + 256)
            let simulation = Simulation(
                program: self, region: try RegionFile.load(folders.regionFile),
                federation: try FederationFile.load(folders.federationFile), folders: folders, logger: log)
            let pairs = try (first..<(first + hosts)).map(simulation.host)
            return pairs.map(\.messenger) as [any Service] + pairs.map(\.agent)
        }
    }
}
