import CloudModel

/// The proofs that were taken, until their grants have expired: each fetches once. A pure value.
///
/// Kept in one process: whoever can read a request in flight could repeat it to another process within the grant's time. That takes an attacker
/// inside of TLS, who has the image anyway.
struct UsedProofs: Sendable {
    enum Verdict: Sendable, Hashable {
        case fresh, used
        /// So many are remembered that no more can be.
        case full
    }

    /// 500 fetches a second for a grant's whole time; 10 MB at most. When it is reached, downloads are asked to wait.
    static let limit = 65_536

    private var expiries: [[UInt8]: Timestamp] = [:]

    /// Takes a proof whose grant lasts until then.
    mutating func take(_ nonce: [UInt8], until expiry: Timestamp, now: Timestamp) -> Verdict {
        guard expiries[nonce] == nil else { return .used }
        if expiries.count >= Self.limit {
            expiries = expiries.filter { $0.value > now }
            guard expiries.count < Self.limit else { return .full }
        }
        expiries[nonce] = expiry
        return .fresh
    }
}
