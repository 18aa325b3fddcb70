import CloudModel
import ComputeAgent
import Hypervisors
import Logging
import Messaging
import Observability
import RegionConfig
import ServiceLifecycle

/// What runs this machine's guests, as region.yml chose it.
struct Engine {
    let hypervisor: any Hypervisor
    let images: any BaseImages
    let limits: Reconciler.Limits
    var services: [any Service] = []

    init(
        program: HostProgram, region: Region, host: Region.ComputeHost, folders: ProgramFolders, messenger: any Messenger,
        logger: Logger
    ) throws {
        switch region.computeHost.hypervisor {
        case .simulated:
            let script = SimulationScript(boot: .milliseconds(program.bootMilliseconds))
            hypervisor = try SimulatedHypervisor(script, journal: "\(folders.instances)/\(host.hostName).journal")
            images = NoImages()
            limits = .simulated
        case .libvirt:
            throw ProgramError.configuration("This build has no libvirt.")
        }
    }
}
