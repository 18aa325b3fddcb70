package import CellProtocol
import CloudModel

/// Who may connect beside those whose keys are files: read elsewhere, kept here, and replaced as a whole whenever it changes.
package final class KeyRoster: Sendable {
    private struct State {
        var names: [CurvePublicKey: PeerName] = [:]
        var removals = 0
    }

    private let state = Lock(State())

    package init() {}

    /// Whoever isn't among them, or under another name, is not heard any more, also over a connection that is open.
    package func replace(with names: [CurvePublicKey: PeerName]) {
        state.withLock { state in
            if state.names.contains(where: { names[$0.key] != $0.value }) { state.removals += 1 }
            state.names = names
        }
    }

    /// How often a key lost its name: a link that sees another number than before looks at its connections again.
    var removals: Int { state.withLock { $0.removals } }

    func peer(for publicKey: String) -> PeerName? {
        guard let key = CurvePublicKey(publicKey) else { return nil }
        return state.withLock { $0.names[key] }
    }

    /// Whether the peer has a key here.
    func knows(_ peer: PeerName) -> Bool { state.withLock { $0.names.values.contains(peer) } }
}
