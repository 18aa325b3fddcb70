package import CellProtocol
package import CloudModel

/// Why a call brought no answer. What the peer did is unknown after `.timeout`, and nothing after the others but `.refused`.
package enum MessagingError: SendingError, Sendable, Equatable, CustomStringConvertible {
    /// No answer in time. The peer may or may not have done it.
    case timeout
    /// No connection under that name, or this messenger has stopped. The peer didn't get it.
    case unreachable(PeerName)
    /// The peer answered no. Code and message are its own.
    case refused(CloudError.Code, String)
    /// A queue on the way is full, here or at the peer. Trying again later makes sense.
    case overloaded
    /// The message is over the lane's limit, in bytes, and wasn't sent.
    case tooLarge(bytes: Int, limit: Int)

    package var description: String {
        switch self {
        case .timeout: "The peer didn't answer in time."
        case .unreachable(let peer): "\(peer) is not connected."
        case .refused(let code, let message): "The peer refused (\(code.rawValue)): \(message)"
        case .overloaded: "Too many messages are waiting on the way."
        case .tooLarge(let bytes, let limit): "The message has \(bytes) bytes; \(limit) are allowed."
        }
    }

    /// The message, or the answer to it, is over the lane's limit.
    package var isTooLarge: Bool {
        switch self {
        case .tooLarge: true
        case .refused(let code, _): code == .tooLarge
        case .timeout, .unreachable, .overloaded: false
        }
    }

    /// The same for a caller who speaks in `CloudError`s: what the peer refused keeps its code and sentence, the rest is
    /// `unavailable` (or `timeout`, `tooLarge`).
    package var cloudError: CloudError {
        switch self {
        case .timeout: CloudError(.timeout, "A part of the cloud did not answer in time.", cause: self)
        case .unreachable: CloudError(.unavailable, "A part of the cloud can't be reached now.", cause: self, retryAfter: 5)
        case .refused(let code, let message): CloudError(code, message, cause: self)
        case .overloaded: CloudError(.unavailable, "A part of the cloud is overloaded.", cause: self, retryAfter: 1)
        case .tooLarge: CloudError(.tooLarge, "The request is too large to be passed on.", cause: self)
        }
    }
}
