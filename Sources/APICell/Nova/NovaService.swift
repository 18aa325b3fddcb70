package import APIConventions
package import CloudModel
import ComputeRecords
package import Database
package import Hummingbird
package import Logging

/// The compute API: what OpenStack's Nova answers, over the read model of all cells, and Meridian's own `/meridian/v1`.
///
/// Stateless: any number of processes may serve it beside each other. A request that changes something ends as a row before it is
/// answered; the SuperScheduler, woken by `IntentSignal`, carries it on.
package struct NovaService: Sendable {
    let policy: Policy
    let authenticator: any TokenAuthenticator
    let identityURL: String
    let publicURL: String
    let images: any ImageCatalog
    let questions: any CellQuestions
    let signal: any IntentSignal
    let welcome: CellWelcome
    let regionSilent: Duration
    let buildDeadline: Duration
    let intentDeadline: Duration
    let log: Logger

    let servers: ServerStore
    let creates: CreateStore
    let batcher: CreateBatcher
    let actions: ActionStore
    let timelines: ActionTimelineStore
    let metadata: MetadataStore
    let tags: TagStore
    let flavors: FlavorStore
    let keypairs: KeypairStore
    let quotas: QuotaStore
    let groups: ServerGroupStore
    let zones: ZoneStore
    let hosts: HostStore
    let usages: UsageStore
    let cells: CellStore
    let events: EventStore
    let enrolments: CellEnrolments
    let newEvents: SharedBell

    /// Our rules with an operator's. Throws `PolicyMistake`.
    package static func policy(_ overrides: [String: String]) throws -> Policy {
        try Policy(defaults: NovaPolicy.defaults, targets: NovaPolicy.targets, overrides: overrides)
    }

    /// - Parameters:
    ///   - welcome: what cells that enrol are told and where they become known.
    ///   - publicURL: what clients call, without a path: `https://127.0.0.1:8774`. Links are made from it.
    ///   - identityURL: told to whoever comes without a token.
    ///   - newEvents: rings when there may be new events. It may be lost: whoever watches also looks by period.
    ///   - quotas: what a project has that an administrator gave no limits.
    ///   - policyOverrides: rules by Nova's names that replace our defaults. Throws for one that can't be read.
    ///   - regionSilent: a cell without contact for this long is shown as down.
    ///   - buildDeadline: a server that isn't up by then ends in ERROR.
    ///   - intentDeadline: an action that its cell hasn't started by then ends `expired`.
    package init(
        database: Database, authenticator: any TokenAuthenticator, images: any ImageCatalog, questions: any CellQuestions,
        signal: any IntentSignal, newEvents: SharedBell = SharedBell(), welcome: CellWelcome,
        quotas: QuotaLimits = QuotaLimits(),
        publicURL: String,
        identityURL: String,
        policyOverrides: [String: String] = [:], regionSilent: Duration = .seconds(5),
        buildDeadline: Duration = .seconds(600), intentDeadline: Duration = .seconds(600), logger: Logger
    ) throws {
        policy = try Self.policy(policyOverrides)
        self.authenticator = authenticator
        self.identityURL = identityURL
        self.publicURL = publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL
        self.images = images
        self.questions = questions
        self.signal = signal
        self.welcome = welcome
        self.regionSilent = regionSilent
        self.buildDeadline = buildDeadline
        self.intentDeadline = intentDeadline
        log = logger
        servers = ServerStore(database: database, regionSilent: regionSilent)
        let creates = CreateStore(database: database, defaults: quotas)
        self.creates = creates
        batcher = CreateBatcher(isEverybodys: { Self.translate($0)?.code == .unavailable }) { try await creates.insert($0) }
        actions = ActionStore(database: database)
        timelines = ActionTimelineStore(database: database)
        metadata = MetadataStore(database: database)
        tags = TagStore(database: database)
        flavors = FlavorStore(database: database)
        keypairs = KeypairStore(database: database)
        self.quotas = QuotaStore(database: database, defaults: quotas)
        groups = ServerGroupStore(database: database)
        zones = ZoneStore(database: database)
        hosts = HostStore(database: database)
        usages = UsageStore(database: database)
        cells = CellStore(database: database)
        events = EventStore(database: database)
        enrolments = CellEnrolments(database: database)
        self.newEvents = newEvents
    }

    /// Adds everything to a service's router: `/`, the version documents and where cells enrol without a token, and behind one the
    /// API under `/v2.1` and `/v2.1/{project_id}`, which `/v2` is another name of, and `/meridian/v1`; the same under `/regions/{region}` for servers
    /// whose home is that region.
    ///
    /// The router has the request id's middleware already (`APIRouter.service`); versions, errors and authentication are added here.
    package func addRoutes(to router: Router<APIRequestContext>) {
        VersionRoutes(service: self).add(to: router)
        EnrolmentRoutes(service: self, enrol: EnrolCell(enrolments: enrolments, welcome: welcome, log: log)).add(to: router)
        for prefix in ["", "/regions/{region}"].flatMap({ ["\($0)/v2.1", "\($0)/v2"] }).flatMap({ [$0, "\($0)/{project_id}"] })
        {
            let routes = NovaRoutes(service: self, group: protected(router.group(RouterPath(prefix)), errors: .nova))
            addServers(to: routes)
            addActions(to: routes)
            addMetadata(to: routes)
            addFlavors(to: routes)
            addKeypairs(to: routes)
            addHosts(to: routes)
            addQuotas(to: routes)
            addServerGroups(to: routes)
            addUnserved(to: routes)
        }
        for prefix in ["/meridian/v1", "/regions/{region}/meridian/v1"] {
            addMeridian(to: NovaRoutes(service: self, group: protected(router.group(RouterPath(prefix)), errors: .meridian)))
        }
    }

    private func protected(_ group: APIRoutes, errors: ErrorStyle) -> APIRoutes {
        group
            .add(middleware: MicroversionMiddleware(errors: errors))
            .add(middleware: ErrorMiddleware(errors, identityURL: identityURL, translate: Self.translate))
            .add(middleware: AuthenticationMiddleware(authenticator))
    }

    /// What the database's errors mean to a client.
    package static func translate(_ error: any Error) -> CloudError? {
        guard let error = error as? DatabaseError else { return nil }
        if error.isConnectionLoss || error.sqlState.category == "53" || error.sqlState.category == "57" {
            return CloudError(
                .unavailable, "The compute service can't reach its database. Try again in a moment.", cause: error,
                retryAfter: 5)
        }
        // A filter's regular expression that PostgreSQL can't read, or text it can't store.
        if error.sqlState.rawValue == "2201B" {
            return CloudError(.badRequest, "A filter of the query is not a valid regular expression.", cause: error)
        }
        if error.sqlState.category == "22" {
            return CloudError(.badRequest, "The request holds a value that can't be stored.", cause: error)
        }
        return nil
    }
}
