import CellProtocol
import CloudModel
import ComputeAgent
import Foundation
import HypervisorLibvirt
import Hypervisors
import Logging
import Messaging
import Observability
import RegionConfig
import ServiceLifecycle
import Tokens

/// What runs this machine's guests, as region.yml chose it.
struct Engine {
    let hypervisor: any Hypervisor
    let images: any BaseImages
    let limits: Reconciler.Limits
    var services: [any Service] = []

    init(
        program: HostProgram, region: Region, federation: Federation, host: Region.ComputeHost, folders: ProgramFolders,
        messenger: any Messenger,
        logger: Logger
    ) throws {
        switch region.computeHost.hypervisor {
        case .simulated:
            let script = SimulationScript(boot: .milliseconds(program.bootMilliseconds))
            hypervisor = try SimulatedHypervisor(script, journal: "\(folders.instances)/\(host.hostName).journal")
            images = NoImages()
            limits = .simulated
        case .libvirt:
            var settings = LibvirtHypervisor.Settings(instances: try Self.absolute(folders.instances))
            settings.uri = program.libvirtURI
            let libvirt = try LibvirtHypervisor(settings, logger: logger)
            hypervisor = libvirt
            let key = try HostImageKey.generate()
            // Before the clients, which nobody would shut down.
            let directory = try Self.absolute(folders.images)
            let authority = federation.apiCell.tls ? folders.authority : nil
            let source = HTTPImageSource(authority: authority, key: key)
            let cell = region.childCell
            let nearby = cell.gateway.map { gateway in
                HTTPImageSource(
                    authority: authority, key: key, gateway: "\(federation.apiCell.scheme)://\(cell.address):\(gateway.port)")
            }
            images = try ImageCache(
                directory: directory,
                grants: GrantsOfConductor(
                    messenger: messenger, cell: region.name, host: host.hostName, hostKey: key.publicText),
                source: source, nearby: nearby,
                inUse: { Set(try await libvirt.guests().compactMap { $0.spec?.image?.sha512 }) }, logger: logger)
            services = ([source] + [nearby].compactMap(\.self)).map { source in Closing { try await source.shutdown() } }
            limits = .libvirt
        }
    }

    /// libvirtd and QEMU open the files too, from folders of their own.
    private static func absolute(_ path: String) throws -> String {
        guard let real = realpath(path, nil) else {
            throw ProgramError.configuration("\(path): \(String(cString: strerror(errno))).")
        }
        defer { free(real) }
        return String(cString: real)
    }
}

/// Closes something when the program shuts down, after the services behind it in the group.
struct Closing: Service {
    let close: @Sendable () async throws -> Void

    func run() async throws {
        try? await gracefulShutdown()
        try await close()
    }
}
