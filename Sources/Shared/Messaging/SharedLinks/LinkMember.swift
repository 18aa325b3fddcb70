package import CellProtocol
package import CloudModel

/// One of the hosts that a simulator speaks for, as a messenger of its own over the simulator's link: with its own name and handlers, and
/// with the link's contact. Lives and ends with the simulator's messenger.
package struct LinkMember: Messenger {
    package let name: PeerName
    private let exchange: Exchange

    init(_ name: PeerName, of exchange: Exchange) {
        precondition(exchange.isSimulator, "\(exchange.name) speaks for nobody else.")
        self.name = name
        self.exchange = exchange
    }

    package func call(
        _ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?, timeout: Duration
    ) async throws -> [UInt8] {
        try await exchange.call(peer, as: name, kind: kind, body: body, lane: lane, request: request, timeout: timeout)
    }

    package func cast(_ peer: PeerName, kind: String, body: [UInt8], lane: Lane, request: RequestID?) {
        exchange.cast(peer, as: name, kind: kind, body: body, lane: lane, request: request)
    }

    package func handle(
        _ kind: String, from roles: Set<PeerName.Role>, _ handler: @escaping @Sendable (IncomingMessage) async throws -> [UInt8]
    ) {
        exchange.handle(kind, as: name, from: roles, handler)
    }

    package var peers: [PeerContact] { exchange.peers }
    package func contact(_ peer: PeerName) -> Duration? { exchange.contact(peer) }
    package func events(of roles: Set<PeerName.Role>) -> AsyncStream<PeerEvent> { exchange.events(of: roles) }
}
