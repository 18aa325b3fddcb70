package import CellProtocol
package import CloudModel
import ServiceLifecycle

/// A messenger on a `MemoryNetwork`.
package final class MemoryMessenger: Messenger, Service {
    private let network: MemoryNetwork
    private let exchange: Exchange
    private let incarnation: UInt64
    private let dials: [PeerName]

    init(network: MemoryNetwork, exchange: Exchange, incarnation: UInt64, dials: [PeerName]) {
        self.network = network
        self.exchange = exchange
        self.incarnation = incarnation
        self.dials = dials
    }

    deinit { stop() }

    /// Dials and receives until the program shuts down or the task is cancelled.
    package func run() async throws {
        start()
        try? await gracefulShutdown()
        stop()
    }

    /// Dials and receives until `stop`: for tests without a service group.
    package func start() { network.start(exchange, incarnation: incarnation, dials: dials) }

    /// As if the process had died: nothing is sent or received any more, and what waits fails.
    package func stop() {
        network.stop(name, incarnation: incarnation)
        exchange.stop()
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
}
