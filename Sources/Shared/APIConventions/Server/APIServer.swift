import Foundation
import HTTPTypes
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import NIOCore
import NIOSSL
import Observability
import ServiceLifecycle

/// One service's HTTP port: part of a program's one `ServiceGroup`. Stops taking connections on graceful shutdown and lets
/// answers that are being written finish.
package struct APIServer: Service {
    /// PEM files. The key must be readable by this process alone.
    package struct TLSFiles: Sendable {
        package let certificateChain: String
        package let privateKey: String
        package init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    /// A connection that neither asks nor is answered for this long is closed: keeps forgotten and slow-writing clients from
    /// holding descriptors. Must be longer than usual keep-alive pools of clients wait (60 s) or they meet closed connections.
    package static let idleTimeout = TimeAmount.seconds(75)
    /// Connections at once. Higher risks running out of descriptors, lower refuses honest clients under load.
    package static let connectionLimit = 4096
    /// Accepted connections that wait for us. The kernel lowers it to net.core.somaxconn.
    package static let backlog = 1024
    /// All header fields of a request together. Tokens are 300 bytes; 32 KiB leaves room for proxies.
    package static let headerLimit = 32 * 1024

    /// The same application the server runs, for tests in process (`application.test(.router)`).
    package let application: Application<RouterResponder<APIRequestContext>>

    /// `port` 0 takes a free one; `onRunning` hears which. Throws ``ProgramError`` when a TLS file can't be used.
    package init(
        name: String, router: APIRouter, host: String, port: Int, tls: TLSFiles? = nil, logger: Logger,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
    ) throws {
        router.refuseOtherMethods()
        let limits = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: Self.headerLimit, maxHeaderListSize: Self.headerLimit, maxHeaderFieldCount: 128)
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [LargeReads()], idleTimeout: Self.idleTimeout, httpDecoderConfiguration: limits))
        application = Application(
            router: router,
            server: try tls.map { try .tls(plain, tlsConfiguration: Self.configuration($0)) } ?? plain,
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), serverName: "meridian-\(name)", backlog: Self.backlog,
                availableConnectionsDelegate: MaximumAvailableConnections(Self.connectionLimit, logger: logger)),
            onServerRunning: { channel in
                let bound = channel.localAddress?.port ?? port
                logger.info("listening", metadata: [.service: "\(name)", .address: "\(host)", .port: "\(bound)"])
                await onRunning(bound)
            },
            logger: logger)
    }

    package func run() async throws { try await application.run() }

    private static func configuration(_ files: TLSFiles) throws -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificateChain).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: files.privateKey, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["http/1.1"]
            return configuration
        } catch {
            throw ProgramError.configuration(
                "The TLS files \(files.certificateChain) and \(files.privateKey) can't be used: \(error).")
        }
    }
}
