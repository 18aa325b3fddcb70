import CloudModel

/// How far a transfer has come, and what whoever waits for its bytes learns from that. A pure value.
enum TransferProgress: Sendable {
    /// A host's request is with Glance, which hasn't answered yet.
    case asking
    case arriving(StoredImage, received: Int64)
    case whole(StoredImage)
    case ended(Ending)

    /// Why there will be no more bytes.
    enum Ending: Sendable {
        /// The image is sent past the cache: it doesn't fit. Others ask for themselves.
        case notKept
        /// It broke, or Glance refused that one host. Others may ask with their own grants.
        case broken(CloudError)
        /// Asking again would have the same answer.
        case refused(CloudError)
    }

    /// What there is for somebody who has read so far.
    enum Supply: Sendable {
        /// Bytes up to there can be read.
        case bytes(StoredImage, upTo: Int64)
        case notYet
        case never(Ending)
    }

    /// - Parameter offset: bytes that were read already; -1: who asks wants to know first what comes at all.
    func supply(beyond offset: Int64) -> Supply {
        switch self {
        case .asking: .notYet
        case .arriving(let image, let received): received > offset ? .bytes(image, upTo: received) : .notYet
        case .whole(let image): .bytes(image, upTo: image.facts.size)
        case .ended(let ending): .never(ending)
        }
    }
}
