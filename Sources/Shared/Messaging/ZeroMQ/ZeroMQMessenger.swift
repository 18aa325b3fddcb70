package import CellProtocol
package import CloudModel
package import Logging
import ServiceLifecycle

/// Where a process listens, and who may connect.
package struct Listener: Sendable {
    /// `tcp://ADDRESS:PORT`; port 0 takes a free one (`boundEndpoints`).
    package var control: String
    /// Nil: no bulk lane here.
    package var bulk: String?
    package var enrolment: Enrolment
    /// Whether enrolled simulators are admitted, and may speak for hosts that have no key of their own in `enrolment`.
    package var sharedLinks: Bool

    package init(control: String, bulk: String? = nil, enrolment: Enrolment, sharedLinks: Bool = false) {
        self.control = control
        self.bulk = bulk
        self.enrolment = enrolment
        self.sharedLinks = sharedLinks
    }
}

/// A peer that this process dials, and keeps dialling.
package struct Dial: Sendable {
    /// Whom `serverKey` stands for: what comes over this link is theirs.
    package var peer: PeerName
    package var control: String
    /// Nil: bulk messages to this peer are `.unreachable`.
    package var bulk: String?
    /// The peer's public key. Nobody else can answer.
    package var serverKey: String

    package init(peer: PeerName, control: String, bulk: String? = nil, serverKey: String) {
        self.peer = peer
        self.control = control
        self.bulk = bulk
        self.serverKey = serverKey
    }
}

/// What a listener was bound to.
package struct BoundListener: Sendable, Hashable {
    package let control: String
    package let bulk: String?
}

/// A messenger over libzmq: ROUTER and DEALER sockets over TCP, CURVE on every link (docs/decisions/0003).
///
/// Listens from when it is made, receives and dials once `run` is called: register handlers in between. When the process dies its
/// peers notice by silence, and everything in its queues is lost.
package final class ZeroMQMessenger: Messenger, Service {
    package struct Configuration: Sendable {
        package var name: PeerName
        package var keys: CurveKeyPair
        package var listen: [Listener]
        package var dial: [Dial]
        /// How often contact is proved. A peer is lost after `limits.silentAfter` of these.
        package var heartbeat: Duration
        package var limits: MessagingLimits

        package init(
            name: PeerName, keys: CurveKeyPair, listen: [Listener] = [], dial: [Dial] = [], heartbeat: Duration = .seconds(1),
            limits: MessagingLimits = MessagingLimits()
        ) {
            self.name = name
            self.keys = keys
            self.listen = listen
            self.dial = dial
            self.heartbeat = heartbeat
            self.limits = limits
        }
    }

    /// The real endpoints, in the order of `Configuration.listen`.
    package let boundEndpoints: [BoundListener]
    private let reactor: Reactor
    private let exchange: Exchange
    private let links: LinkSet
    private let dials: [Dial]

    /// Binds the listeners. Throws `CloudError` naming the endpoint that can't be bound or the key that is none. `reactor` is the
    /// process's own unless a test wants another.
    package init(_ configuration: Configuration, logger: Logger, reactor: Reactor? = nil) throws {
        try Self.check(configuration)
        let reactor = try reactor ?? Reactor.shared()
        let settings = LinkSettings(keys: configuration.keys, limits: configuration.limits, heartbeat: configuration.heartbeat)
        let links = LinkSet(inbox: reactor.inbox, settings: settings, logger: logger)
        let listeners = configuration.listen
        let exchange = Exchange(
            name: configuration.name, limits: configuration.limits, heartbeat: configuration.heartbeat,
            sharing: listeners.filter(\.sharedLinks).map(\.enrolment), logger: logger,
            outbox: links, firstID: .random(in: 0...UInt64.max), incarnation: .random(in: 1...UInt64.max),
            clock: BootInstant.now)
        boundEndpoints = try reactor.perform { loop in try links.bind(listeners, for: exchange, loop) }
        self.reactor = reactor
        self.exchange = exchange
        self.links = links
        dials = configuration.dial
    }

    deinit { stop() }

    /// Dials and receives until the program shuts down or the task is cancelled.
    package func run() async throws {
        try start()
        try? await gracefulShutdown()
        stop()
    }

    /// Dials and receives until `stop`: for tests without a service group.
    package func start() throws {
        let (links, dials) = (links, dials)
        try reactor.perform { loop in try links.start(dials, loop) }
    }

    /// Closes every socket; what waits fails. Cannot be started again.
    package func stop() {
        let links = links
        reactor.inbox.submit(.perform { loop in links.stop(loop) })
    }

    package var name: PeerName { exchange.name }

    package func call(
        _ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?, timeout: Duration
    ) async throws -> [UInt8] {
        try await exchange.call(peer, kind: kind, body: body, lane: lane, request: request, timeout: timeout)
    }

    package func cast(_ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?) {
        exchange.cast(peer, kind: kind, body: body, lane: lane, request: request)
    }

    package func handle(
        _ kind: String, from roles: Set<PeerName.Role>, _ handler: @escaping @Sendable (IncomingMessage) async throws -> [UInt8]
    ) {
        exchange.handle(kind, from: roles, handler)
    }

    package var peers: [PeerContact] { exchange.peers }
    package func contact(_ peer: PeerName) -> Duration? { exchange.contact(peer) }
    package func events(of roles: Set<PeerName.Role>) -> AsyncStream<PeerEvent> { exchange.events(of: roles) }

    /// A simulator's messenger as one of its hosts uses it.
    package func member(_ host: PeerName) -> LinkMember { LinkMember(host, of: exchange) }

    /// What was counted so far.
    package var counters: MessagingCounters { exchange.counters }

    private static func check(_ configuration: Configuration) throws {
        var dialled: Set<PeerName> = []
        for dial in configuration.dial {
            guard dialled.insert(dial.peer).inserted else {
                throw CloudError(.badRequest, "\(dial.peer) is dialled twice; each name has one address.")
            }
            guard CurvePublicKey(dial.serverKey) != nil else {
                throw CloudError(.badRequest, "The public key of \(dial.peer) is not 40 characters of Z85.")
            }
        }
        guard configuration.heartbeat > .zero else {
            throw CloudError(.badRequest, "The heartbeat must be longer than nothing.")
        }
    }
}
