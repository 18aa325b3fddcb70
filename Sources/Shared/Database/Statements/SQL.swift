/// One statement with its parameters: `"SELECT * FROM servers WHERE id = \(id)"` becomes the text `… WHERE id = $1` and one
/// binary parameter, so nothing a user typed is ever part of the text.
///
/// The text (with the types of the parameters) is the key under which a connection keeps the prepared statement: write
/// statements as literals, and pass lists as arrays (`= ANY(\(ids))`), never as a varying number of parameters.
///
/// Integers are declared `bigint`, text is `text`; where PostgreSQL wants another type, cast in the statement
/// (`\(label)::server_kind`, `left(name, \(n)::int)`).
package struct SQL: ExpressibleByStringInterpolation, Sendable, CustomStringConvertible {
    package private(set) var text: String
    private(set) var parameters = Parameters()
    /// The first parameter that could not be encoded; thrown when the statement is run.
    private(set) var failure: DatabaseError?

    /// A statement without parameters, taken as it is. For generated text; prefer literals.
    package init(unsafe text: String) { self.text = text }
    package init(stringLiteral text: String) { self.text = text }

    package init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        parameters = stringInterpolation.parameters
        failure = stringInterpolation.failure
    }

    /// The text only: parameters may be secrets.
    package var description: String { text }

    /// Appends another piece, its parameters renumbered.
    package static func += (statement: inout SQL, piece: SQL) {
        var joined = StringInterpolation(statement)
        joined.appendInterpolation(piece)
        statement = SQL(stringInterpolation: joined)
    }

    package static func + (statement: SQL, piece: SQL) -> SQL {
        var joined = statement
        joined += piece
        return joined
    }

    /// Joins pieces: `conditions.joined(by: " AND ")`.
    package static func joined(_ pieces: [SQL], by separator: String) -> SQL {
        var joined = StringInterpolation(literalCapacity: 0, interpolationCount: pieces.count)
        for (index, piece) in pieces.enumerated() {
            if index > 0 { joined.appendLiteral(separator) }
            joined.appendInterpolation(piece)
        }
        return SQL(stringInterpolation: joined)
    }
}

/// The parameters of one statement: their bytes in one buffer, in order.
struct Parameters: Sendable {
    struct Slot {
        let type: SQLType
        /// Where in the text its `$n` stands (UTF-8 offset), so that pieces can be renumbered when they are joined.
        var textPosition: Int
        let start: Int
        /// -1: NULL.
        let length: Int
    }

    var bytes: [UInt8] = []
    var slots: [Slot] = []
    var count: Int { slots.count }

    /// PostgreSQL counts parameters in 16 bits.
    static let limit = 65_535
}
