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
/// threads. Only the hypervisor is made up; with `--shared-link` also the links: one key and one link carry all hosts' messages.
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
    @Flag(
        name: .long,
        help: """
            One key and one link for all hosts, the key's name being <prefix>.<region>: each such process needs a prefix of its own, and \
            the hosts no keys.
            """)
    var sharedLink = false
    @Flag(name: .long, help: "Make missing keys and enrol them in <etc>/enrolled.")
    var enrol = false
    @Flag(name: .long, help: "Keep guests in memory only: they are gone when the process is.")
    var forgetful = false

    func validate() throws {
        // Beyond it the messages of all hosts wait for the one thread that carries them; the conductor takes no more over one link.
        let most = sharedLink ? MessagingLimits().hostsOfOneLink : 4_000
        guard (1...most).contains(hosts) else {
            throw ValidationError("--hosts is 1 to \(most); run more processes for more.")
        }
        guard (1...999_000_000).contains(first) else { throw ValidationError("--first is 1 to 999000000.") }
        guard (0...1).contains(failRate) else { throw ValidationError("--fail-rate is 0 to 1.") }
    }

    func run() async {
        await daemon.serve("meridian-sim_\(namePrefix)-\(first)") { folders, log in
            try FileManager.default.createDirectory(atPath: folders.instances, withIntermediateDirectories: true)
            try Descriptors.allow(hosts * (sharedLink ? Descriptors.perHostOnOneLink : Descriptors.perHost) + 256)
            let simulation = Simulation(
                program: self, region: try RegionFile.load(folders.regionFile),
                federation: try FederationFile.load(folders.federationFile), folders: folders, logger: log)
            let numbers = first..<(first + hosts)
            return try sharedLink ? simulation.hostsOnOneLink(numbers) : simulation.hosts(numbers)
        }
    }
}
