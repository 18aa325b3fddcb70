package import APIConventions
import CloudModel
package import Database
import Hummingbird
package import Logging
import Observability
import ServiceLifecycle
package import Tokens

/// The federation's identity: users, projects, roles, tokens and the catalog. Once per federation, in every API process.
///
/// Owns the schema `keystone`. Holds nothing that a restart loses: what it remembers, it remembers for a second.
package struct KeystoneService: Service {
    /// How long a token holds. Longer means longer harm from a stolen one; shorter breaks long uploads and slow scripts.
    package static let tokenLifetime = Duration.seconds(3600)

    private let identity: Identity

    /// Our rules with an operator's. Throws `PolicyMistake`.
    package static func policy(_ overrides: [String: String]) throws -> Policy {
        try Policy(defaults: KeystonePolicy.defaults, targets: KeystonePolicy.targets, overrides: overrides)
    }

    /// `publicURL` is what clients reach this service under, without a version: `https://203.0.113.7:5000`. `policy` overrides
    /// rules by their names (`identity:create_user`). Run ``KeystoneMigrations`` before.
    package init(
        database: Database, keys: FernetKeyRing, hasher: PasswordHasher, publicURL: String, policy: [String: String] = [:],
        tokenLifetime: Duration = KeystoneService.tokenLifetime, logger: Logger
    ) throws {
        identity = Identity(
            database: database, policy: try Self.policy(policy), hasher: hasher,
            validity: TokenValidity(keys: keys, store: TokenStore(database: database)),
            catalog: CatalogCache(database: database),
            baseURL: publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL, tokenLifetime: tokenLifetime,
            logger: logger)
    }

    /// Checks tokens for the other services of this process: a dictionary lookup for a token seen in the last second.
    package var authenticator: some TokenAuthenticator { identity.validity }

    /// Told in `WWW-Authenticate` by every service: where to get a token.
    package var identityURL: String { "\(identity.baseURL)/v3" }

    /// A router of its own, ready for an ``APIServer``.
    package func router() -> APIRouter {
        let router = APIRouter.service("keystone", errors: .keystone, identityURL: identityURL, translate: Identity.translate)
        addRoutes(to: router)
        return router
    }

    /// `/`, `/v3` and everything under it.
    package func addRoutes(to router: APIRouter) {
        VersionRoutes(baseURL: identity.baseURL).add(to: router)
        let open = router.group("v3")
        let closed = router.group("v3").add(middleware: AuthenticationMiddleware(identity.validity))
        TokenRoutes(identity: identity).add(open: open, closed: closed)
        UserRoutes(identity: identity).add(to: closed)
        ProjectRoutes(identity: identity).add(to: closed)
        ProjectTagRoutes(identity: identity).add(to: closed)
        DomainRoutes(identity: identity).add(to: closed)
        RoleRoutes(identity: identity).add(to: closed)
        ImpliedRoleRoutes(identity: identity).add(to: closed)
        AssignmentRoutes(identity: identity).add(to: closed)
        RegionRoutes(identity: identity).add(to: closed)
        ServiceRoutes(identity: identity).add(to: closed)
        EndpointRoutes(identity: identity).add(to: closed)
        AbsentRoutes.add(to: closed)
    }

    /// Listens for changes that other processes make. Everything works without it, up to a second later.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in identity.database.listen([Identity.channel]) {
                identity.validity.forget()
                identity.catalog.forget()
            }
        }
    }

    /// What a new federation needs; see ``KeystoneBootstrap``. Returns what was made, nothing the second time.
    @discardableResult
    package func bootstrap(
        adminPassword: String, publicURLs: [String: String], regions: [AddRegion] = []
    ) async throws -> [String] {
        let made = try await KeystoneBootstrap(database: identity.database, hasher: identity.hasher)
            .run(adminPassword: adminPassword, publicURLs: publicURLs, regions: regions)
        await identity.changed()
        return made
    }

    /// Makes a child region known to clients, or moves its addresses.
    package func add(_ region: AddRegion) async throws {
        guard region.name != Catalog.federation else {
            throw CloudError(.badRequest, "\(region.name) is the federation itself; no region below it can have its name.")
        }
        try await region(in: identity.database)
        await identity.changed()
    }
}

extension Identity {
    /// Rows of one listing. Higher makes answers of megabytes, lower makes clients that don't page miss rows.
    static let pageLimit = 10_000
}
