package import CellProtocol
package import CloudModel

// The typed layer: what is written and read everywhere else. `CellProtocol` says what a message is, this says how it is carried.
extension Messenger {
    /// The first of these peers that was heard in the life of this process. It may be out of reach by now, which the call to it tells.
    package func firstMet(of peers: [PeerName]) -> PeerName? { peers.first { contact($0) != nil } }

    /// Asks a peer; see `call(_:kind:body:lane:request:timeout:)`. An answer that can't be read is `.refused(.internalError, …)`.
    package func call<M: CellCall>(
        _ message: M, to peer: PeerName, lane: Lane = .control, request: RequestID? = nil, timeout: Duration
    ) async throws -> M.Reply {
        let body = try CellCoding.encode(message)
        let reply = try await call(peer, kind: M.kind, body: body, lane: lane, request: request, timeout: timeout)
        do {
            return try CellCoding.decode(M.Reply.self, from: reply)
        } catch {
            throw MessagingError.refused(.internalError, "The answer of \(peer) to \(M.kind) can't be read: \(error)")
        }
    }

    /// Tells a peer; see `cast(_:kind:body:lane:request:)`.
    package func cast<M: CellCast>(_ message: M, to peer: PeerName, lane: Lane = .control, request: RequestID? = nil) {
        guard let body = try? CellCoding.encode(message) else {
            preconditionFailure("\(M.kind) can't be encoded: a message's fields must always be encodable.")
        }
        cast(peer, kind: M.kind, body: body, lane: lane, request: request)
    }

    /// Registers who answers a call; see `handle`. A body that can't be read is refused as `badRequest`.
    package func on<M: CellCall>(
        _: M.Type, from roles: Set<PeerName.Role>, _ body: @escaping @Sendable (M, IncomingMessage) async throws -> M.Reply
    ) {
        handle(M.kind, from: roles) { incoming in
            try CellCoding.encode(try await body(try read(M.self, from: incoming), incoming))
        }
    }

    /// Registers who takes a cast; see `handle`. A body that can't be read is logged, counted and dropped.
    package func on<M: CellCast>(
        _: M.Type, from roles: Set<PeerName.Role>, _ body: @escaping @Sendable (M, IncomingMessage) async -> Void
    ) {
        handle(M.kind, from: roles) { incoming in
            await body(try read(M.self, from: incoming), incoming)
            return []
        }
    }
}

private func read<M: CellMessage>(_: M.Type, from incoming: IncomingMessage) throws -> M {
    do {
        return try CellCoding.decode(M.self, from: incoming.body)
    } catch {
        throw UnreadableBody(kind: M.kind, cause: error)
    }
}
