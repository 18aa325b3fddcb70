import CellProtocol
import CloudModel
import Logging

/// The sockets of one messenger. Its methods and everything in it belong to the reactor's thread; only `submit` is for all.
final class LinkSet: Outbox, @unchecked Sendable {
    /// How often waiting messages and dead sockets are looked at.
    private static let tendingPeriod = Duration.seconds(1)

    /// When `tick` is due; kept by the reactor.
    var nextTick = BootInstant.distantFuture
    private let inbox: ReactorInbox
    private let settings: LinkSettings
    private let logger: Logger
    /// Set once while the messenger is made, before anything else happens here.
    private var exchange: Exchange?
    private var routers: [RouterChannel] = []
    private var dealers: [DealerChannel] = []
    private var dialled: [DialledLane: DealerChannel] = [:]
    private var domains: [String] = []
    private var nextTending = BootInstant(nanoseconds: 0)
    private var isStarted = false

    private struct DialledLane: Hashable {
        let peer: PeerName
        let lane: Lane
    }

    init(inbox: ReactorInbox, settings: LinkSettings, logger: Logger) {
        self.inbox = inbox
        self.settings = settings
        self.logger = logger
    }

    func submit(_ frame: OutgoingFrame) -> Bool { inbox.submit(frame, to: self, limits: settings.limits) }

    // MARK: - On the reactor's thread

    /// Binds every listener; nothing is received before `start`. Throws what keeps one from being bound, with all of them closed.
    func bind(_ listeners: [Listener], for exchange: Exchange, _ loop: ReactorLoop) throws -> [BoundListener] {
        self.exchange = exchange
        loop.register(self)
        do {
            return try listeners.map { listener in
                let domain = loop.authentication.open { key in
                    let peer = listener.enrolment.peer(for: key)
                    if let peer, peer.role == .simulator, !listener.sharedLinks {
                        exchange.refusedSimulator(peer)
                        return nil
                    }
                    exchange.admission(of: peer, key: key)
                    return peer
                }
                domains.append(domain)
                func router(_ endpoint: String, _ lane: Lane) throws -> String {
                    let router = try RouterChannel(
                        loop.context, endpoint: endpoint, lane: lane, domain: domain, enrolment: listener.enrolment,
                        settings: settings, exchange: exchange)
                    routers.append(router)
                    return router.endpoint
                }
                return BoundListener(
                    control: try router(listener.control, .control), bulk: try listener.bulk.map { try router($0, .bulk) })
            }
        } catch {
            stop(loop)
            throw error
        }
    }

    /// Dials, and begins to receive.
    func start(_ dials: [Dial], _ loop: ReactorLoop) throws {
        guard !isStarted, let exchange else { return }
        isStarted = true
        for router in routers { loop.add(router) }
        for dial in dials {
            var lanes: [(Lane, String)] = [(.control, dial.control)]
            if let bulk = dial.bulk { lanes.append((.bulk, bulk)) }
            for (lane, endpoint) in lanes {
                let dealer = try DealerChannel(
                    loop.context, dial: dial, lane: lane, endpoint: endpoint, settings: settings, exchange: exchange)
                dealers.append(dealer)
                dialled[DialledLane(peer: dial.peer, lane: lane)] = dealer
                loop.add(dealer)
            }
            exchange.dials(dial.peer, on: lanes.map(\.0))
        }
        loop.schedule(self, due: exchange.clock())
    }

    func send(_ frame: OutgoingFrame, _ loop: ReactorLoop) {
        guard let exchange else { return }
        if frame.type == .call { loop.schedule(self, due: frame.expires) }
        if let dealer = dialled[DialledLane(peer: frame.to.link, lane: frame.lane)] {
            dealer.send(frame)
            loop.touch(dealer)
            return
        }
        var frame = frame
        guard let router = routers.first(where: { $0.lane == frame.lane && $0.knows(frame.to.link) }) else {
            return exchange.undelivered(frame, .unreachable)
        }
        guard let bytes = frame.stamped(at: exchange.clock()) else { return exchange.undelivered(frame, .expired) }
        if let reason = router.send(bytes, to: frame.to.link) { exchange.undelivered(frame, reason) }
        loop.touch(router)
    }

    func tick(at now: BootInstant, _ loop: ReactorLoop) -> BootInstant? {
        guard let exchange, let next = exchange.tick(at: now) else { return nil }
        if nextTending <= now {
            nextTending = now + Self.tendingPeriod
            for dealer in dealers {
                do {
                    try dealer.tend(at: now, loop)
                } catch {
                    logger.error("link could not be dialled again", metadata: ["peer": "\(dealer.peer)", "error": "\(error)"])
                }
            }
        }
        return dealers.contains(where: \.needsTending) ? min(next, nextTending) : next
    }

    func stop(_ loop: ReactorLoop) {
        for router in routers { loop.remove(router) }
        for dealer in dealers { loop.remove(dealer) }
        for domain in domains { loop.authentication.close(domain) }
        loop.forget(self)
        ended()
    }

    /// The reactor ends, or this messenger does.
    func ended() {
        routers = []
        dealers = []
        dialled = [:]
        exchange?.stop()
        exchange = nil
    }
}
