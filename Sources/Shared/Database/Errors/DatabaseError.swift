/// Why a statement, a transaction or a connection failed.
///
/// A statement whose task was cancelled throws `CancellationError` instead.
package struct DatabaseError: Error, Sendable, CustomStringConvertible {
    /// Who noticed.
    package enum Kind: String, Sendable {
        /// PostgreSQL answered with an error; `sqlState` is its own.
        case server
        /// The connection broke, or never came up. What a statement sent over it did is unknown.
        case connectionLost
        /// No answer, or no free connection, before the deadline.
        case timeout
        /// As many callers as `PoolLimits.waiting` allows wait already.
        case tooManyWaiting
        /// `close()` has been called.
        case closed
        /// A column is missing, NULL, or of another type than was asked for.
        case decoding
        /// A parameter could not be encoded, or the call was not allowed here.
        case misuse
    }

    package let kind: Kind
    /// The server's code; for errors noticed on our side the nearest standard one.
    package let sqlState: SQLState
    package let message: String
    package var detail: String?
    package var hint: String?
    /// The constraint that was violated, if one was.
    package var constraint: String?
    package var table: String?
    /// True when the database could not be asked, or did not answer, so that trying later may help: the connection broke, the
    /// server is shutting down or starting up, no answer or no connection came in time, or too many wait already.
    package var isConnectionLoss: Bool
    /// The server ended the statement for a cancel request that was meant for the one before it on the connection.
    var wasBystander = false

    init(
        _ kind: Kind, _ sqlState: SQLState, _ message: String, detail: String? = nil, isConnectionLoss: Bool? = nil
    ) {
        self.kind = kind
        self.sqlState = sqlState
        self.message = message
        self.detail = detail
        self.isConnectionLoss =
            isConnectionLoss
            ?? (kind == .connectionLost || kind == .timeout || kind == .tooManyWaiting || sqlState.category == "08"
                || sqlState == .adminShutdown
                || sqlState == .crashShutdown || sqlState == .cannotConnectNow)
    }

    /// Doing the same transaction again may succeed: it lost against another one, or was hit by another's cancel request.
    package var isRetryable: Bool { sqlState == .serializationFailure || sqlState == .deadlockDetected || wasBystander }

    package var description: String {
        var text = "\(message) (\(kind.rawValue) \(sqlState)"
        if let constraint { text += ", constraint \(constraint)" }
        text += ")"
        if let detail { text += " [\(detail)]" }
        if let hint { text += " [hint: \(hint)]" }
        return text
    }
}

extension DatabaseError {
    static func connectionLost(_ message: String) -> DatabaseError {
        DatabaseError(.connectionLost, .connectionFailure, message)
    }

    static let closed = DatabaseError(
        .closed, .connectionDoesNotExist, "The database client has been closed.", isConnectionLoss: false)

    static func decoding(_ message: String) -> DatabaseError {
        DatabaseError(.decoding, .invalidBinaryRepresentation, message)
    }

    static func misuse(_ message: String) -> DatabaseError {
        DatabaseError(.misuse, .featureNotSupported, message)
    }
}
