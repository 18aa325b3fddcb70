package import CellProtocol
import CloudModel

/// Who may connect beside those whose keys are files: read elsewhere, kept here, and replaced as a whole whenever it changes.
package final class KeyRoster: Sendable {
    private let names = Lock<[CurvePublicKey: PeerName]>([:])

    package init() {}

    /// Whoever isn't among them is refused at its next try; an open connection lives on until it breaks.
    package func replace(with names: [CurvePublicKey: PeerName]) { self.names.withLock { $0 = names } }

    func peer(for publicKey: String) -> PeerName? {
        guard let key = CurvePublicKey(publicKey) else { return nil }
        return names.withLock { $0[key] }
    }
}
