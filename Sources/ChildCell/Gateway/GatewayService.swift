package import APIConventions
import CloudModel
import HTTPTypes
import Hummingbird
package import Logging
package import Observability
import ServiceLifecycle
import Tokens

/// A region's image cache: answers its hosts' requests for images' data as Glance does, from the control host's disk where it can. It holds no
/// credentials: hosts show their own grants, which it verifies with a public key and passes on to Glance.
///
/// `router` serves the hosts; `run` receives what Glance sends and keeps the key, one of the program's services. When the process dies,
/// whole images stay, and hosts go to Glance themselves.
package final class GatewayService: Service {
    package struct Settings: Sendable {
        /// Of the cached images; nobody else writes there.
        package var directory: String
        /// Bytes of all cached images. Below an image's size it passes the cache by; above, disk that others could have.
        package var cacheBytes: Int64
        /// Where the grants' public key is kept.
        package var keyFile: String
        /// `https://address:port` of Glance.
        package var glance: String
        /// The PEM file of the CA that signs the API's certificates; nil: the machine's own.
        package var authority: String?
        /// Of what Glance sends. Below it a transfer is given up, and whoever waits asks anew.
        package var leastRate: LeastRate

        package init(
            directory: String, cacheBytes: Int64, keyFile: String, glance: String, authority: String?,
            leastRate: LeastRate = LeastRate()
        ) {
            self.directory = directory
            self.cacheBytes = cacheBytes
            self.keyFile = keyFile
            self.glance = glance
            self.authority = authority
            self.leastRate = leastRate
        }
    }

    private let cache: RegionCache
    private let glance: GlanceUpstream
    private let keeper: GrantKeyKeeper
    private let arrivals: Arrivals
    private let find: FindImage
    private let send: SendImage
    private let grantedRequests = GrantedRequests()
    private let hits = MetricsRegistry.shared.counter("meridian_gateway_hits_total")
    private let misses = MetricsRegistry.shared.counter("meridian_gateway_misses_total")

    /// Throws `ProgramError` where the directory can't be used. What was made and never runs needs no end.
    package init(_ settings: Settings, logger: Logger) throws {
        let glance = GlanceUpstream(base: settings.glance, authority: settings.authority)
        self.glance = glance
        cache = try RegionCache(directory: settings.directory, limit: settings.cacheBytes, logger: logger)
        keeper = GrantKeyKeeper(file: settings.keyFile, logger: logger) { try await glance.grantKey() }
        arrivals = Arrivals(into: cache, least: settings.leastRate, logger: logger)
        find = FindImage(cache: cache, glance: glance, arrivals: arrivals)
        send = SendImage(find: find, bytesServed: MetricsRegistry.shared.counter("meridian_gateway_bytes_served_total"))
    }

    /// The routes for hosts.
    ///
    /// - Parameter identityURL: told to whoever is refused, as every service of ours does.
    package func router(identityURL: String) -> APIRouter {
        let router = APIRouter.service("gateway", errors: .meridian, identityURL: identityURL)
        router.get("/v2/images/{id}/file") { [self] request, context in
            let id = try context.parameter("id", as: ImageID.self) { "There is no image \($0)." }
            // What is signed by the host and asked of Glance is this path, letter by letter.
            let path = "/v2/images/\(id)/file"
            guard request.uri.path == path else { throw CloudError(.notFound, "The image's data is at \(path).") }
            let asked = ImageRequest(method: request.method.rawValue, path: path, range: request.headers[.range])
            guard let grant = request.headers[.meridianGrant], let proof = request.headers[.meridianProof] else {
                throw CloudError(.unauthorized, "An image is sent to hosts with a grant and a proof only.")
            }
            let expires = try await admit(asked, of: id, grant: grant, proof: proof).expiresAt
            if CacheControl.isNoCache(request.headers[.cacheControl]) { try await cache.verify(id) }
            return try await answer(
                HostRequest(asked, for: id, grant: grant, expires: expires, proof: proof, over: context.eventLoop))
        }
        return router
    }

    /// Whether it can serve anything.
    package func check() async -> HealthCheck {
        guard await keeper.key != nil else { return .unhealthy("no grant key yet: the API cell has not been reached") }
        return .healthy(await cache.summary)
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            await withDiscardingTaskGroup { group in
                group.addTask { await self.arrivals.run() }
                group.addTask { await self.keeper.run() }
            }
        }
        try await glance.shutdown()
    }

    private func answer(_ host: HostRequest) async throws -> Response {
        // A part, or only the headers, of what isn't here: not worth a transfer of all of it.
        guard host.request.method == HTTPRequest.Method.get.rawValue, host.request.range == nil else {
            guard let image = try await cache.stored(host.image) else {
                misses.increment()
                return send.past(try await host.ask(glance), to: host)
            }
            hits.increment()
            return try send.stored(image, to: host)
        }
        let source = try await find(host)
        if case .disk = source { hits.increment() } else { misses.increment() }
        return try send(source, to: host)
    }

    /// A grant that doesn't verify may be signed with a key that we haven't heard of yet.
    private func admit(_ request: ImageRequest, of image: ImageID, grant: String, proof: String) async throws -> Grant {
        func admit(with key: GrantPublicKey) throws(CloudError) -> Grant {
            try grantedRequests.admit(request, of: image, grant: grant, proof: proof, key: key, now: .now())
        }
        let key = await keeper.key
        do {
            if let key { return try admit(with: key) }
        } catch  where error.code != .unauthorized {
            throw error
        } catch {
            guard let newer = await keeper.newer(than: key) else { throw error }
            return try admit(with: newer)
        }
        guard let newer = await keeper.newer(than: nil) else {
            throw CloudError(.unavailable, "The gateway has not heard yet whose grants to believe.", retryAfter: 2)
        }
        return try admit(with: newer)
    }
}
