/// PostgreSQL's five-character code of what went wrong (manual, appendix A).
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    init(_ code: String) { rawValue = code }

    package var description: String { rawValue }
    /// The first two characters: the class of the condition.
    package var category: Substring { rawValue.prefix(2) }

    package static let connectionFailure = SQLState("08006")
    package static let connectionDoesNotExist = SQLState("08003")
    package static let invalidBinaryRepresentation = SQLState("22P03")
    package static let foreignKeyViolation = SQLState("23503")
    package static let uniqueViolation = SQLState("23505")
    package static let inFailedTransaction = SQLState("25P02")
    package static let invalidStatementName = SQLState("26000")
    package static let serializationFailure = SQLState("40001")
    package static let deadlockDetected = SQLState("40P01")
    package static let syntaxError = SQLState("42601")
    package static let undefinedColumn = SQLState("42703")
    package static let undefinedTable = SQLState("42P01")
    package static let featureNotSupported = SQLState("0A000")
    package static let tooManyConnections = SQLState("53300")
    package static let queryCanceled = SQLState("57014")
    package static let adminShutdown = SQLState("57P01")
    package static let crashShutdown = SQLState("57P02")
    package static let cannotConnectNow = SQLState("57P03")
}
