/// What went wrong, told to three readers: a program (`code`), a user (`message`: what to do) and us (`detail`, `cause`).
///
/// The HTTP status is chosen from the code in one place, last (APIConventions). The message never contains the cause; the log
/// prints the whole chain.
package struct CloudError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Stable: clients and other cells act on it.
    package enum Code: String, Codable, Sendable, CaseIterable {
        case badRequest, unauthorized, forbidden, notFound, methodNotAllowed, notAcceptable, conflict, gone
        case tooLarge, unsupportedMediaType, rangeNotSatisfiable, overQuota, internalError, notImplemented, unavailable
        case timeout
    }

    package let code: Code
    /// For the user: one or two sentences, what is wrong and what would help.
    package let message: String
    /// For us; never shown to a tenant.
    package let detail: String?
    /// What caused it, if anything did.
    package let cause: (any Error)?
    /// Seconds after which trying again makes sense (Retry-After), if known.
    package let retryAfter: Int?

    package init(
        _ code: Code, _ message: String, detail: String? = nil, cause: (any Error)? = nil, retryAfter: Int? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.cause = cause
        self.retryAfter = retryAfter
    }

    /// The whole chain, for the log.
    package var description: String {
        var text = "\(code.rawValue): \(message)"
        if let detail { text += " [\(detail)]" }
        if let cause { text += " ← \(cause)" }
        return text
    }
}
