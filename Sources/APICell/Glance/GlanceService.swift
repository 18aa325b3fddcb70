package import APIConventions
import CloudModel
package import Database
import Foundation
package import Logging
import Observability
import ServiceLifecycle
package import Tokens

/// The image service: rows in the schema `glance`, data in a directory. Several may share both.
///
/// `addRoutes` serves the API; `run` is the janitor, one of the program's services. When the process dies, an upload in progress
/// is lost: its row becomes killed by the next janitor, here or in another process.
package final class GlanceService: Service {
    let images: ImageStore
    let uploads: UploadStore
    let members: MemberStore
    let files: ImageFiles
    let grantKey: GrantPublicKey
    let policy: Policy
    let limits: GlanceLimits
    let log: Logger
    let bytesReceived = MetricsRegistry.shared.counter("meridian_glance_bytes_received_total")
    let bytesSent = MetricsRegistry.shared.counter("meridian_glance_bytes_sent_total")
    let grantedRequests = GrantedRequests()
    private let uploadsUnderWay = Lock(0)

    /// `directory` is created when it isn't there; `grantKey` verifies the grants with which hosts fetch images (DESIGN 10). Run
    /// `GlanceMigrations` first. `policy` overrides rules by their names (`delete_image`).
    package init(
        database: Database, store directory: String, grantKey: GrantPublicKey, policy: [String: String] = [:],
        limits: GlanceLimits = GlanceLimits(), logger: Logger
    ) throws {
        self.policy = try Self.policy(policy)
        images = ImageStore(database: database)
        uploads = UploadStore(database: database)
        members = MemberStore(database: database)
        files = try ImageFiles(directory: directory)
        self.grantKey = grantKey
        self.limits = limits
        log = logger
    }

    /// Our rules with an operator's. Throws `PolicyMistake`.
    package static func policy(_ overrides: [String: String]) throws -> Policy {
        try Policy(defaults: ImagePolicy.defaults, targets: ImagePolicy.targets, overrides: overrides)
    }

    /// Sweeps at once and then by period, until shutdown. A sweep that fails is logged; the next one tries again.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do {
                    try await sweep()
                } catch is CancellationError {
                    return
                } catch {
                    log.warning("image sweep failed", metadata: [.error: "\(error)"])
                }
                try? await Task.sleep(for: limits.sweepPeriod)
            }
        }
    }

    /// Takes one of the places for uploads, or says when to come back.
    func admitUpload() throws {
        let isAdmitted = uploadsUnderWay.withLock { count in
            guard count < limits.uploads else { return false }
            count += 1
            return true
        }
        guard isAdmitted else {
            throw CloudError(.unavailable, "Too many uploads are under way. Try again in a moment.", retryAfter: 5)
        }
    }

    func releaseUpload() { uploadsUnderWay.withLock { $0 -= 1 } }
}
