import APIConventions
import ArgumentParser
import CloudModel
import Gateway
import Observability
import ProgramKit
import RegionConfig

/// The gateway: the region's image cache. It reads no secret but its TLS key, and dials the API cell over HTTPS alone.
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Cache images for the hosts of the region.")

    @OptionGroup var daemon: DaemonOptions

    func run() async {
        await daemon.serve("meridian-gateway") { folders, log in
            let region = try RegionFile.load(folders.regionFile)
            let federation = try FederationFile.load(folders.federationFile)
            let top = federation.apiCell
            guard let gateway = region.childCell.gateway else {
                throw ProgramError.configuration("\(folders.regionFile): child_cell: gateway: this key is missing.")
            }
            let service = try GatewayService(
                .init(
                    directory: folders.cachedImages, cacheBytes: gateway.cacheBytes, keyFile: folders.grantPublicKey,
                    glance: "\(top.scheme)://\(top.address):\(top.ports.image)",
                    authority: top.tls ? folders.authority : nil),
                logger: log)
            let server = try APIServer(
                name: "gateway", router: service.router(identityURL: PublicURLs(federation).identityRoot),
                host: region.childCell.address, port: gateway.port,
                tls: top.tls ? .init(certificateChain: folders.serverCertificate, privateKey: folders.serverKey) : nil,
                logger: log)
            let health = HealthServer(
                host: region.childCell.address, port: gateway.healthPort, checks: ["images": { await service.check() }])
            return [health, service, server]
        }
    }
}
