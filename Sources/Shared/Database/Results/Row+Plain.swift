package import CloudModel
package import Foundation

// The types that most columns have, spelt out, for reading thousands of rows: these are compiled here for their types, while each `get`
// of another module looks its own up anew for every value. That was a fifth of the work of a list of a thousand servers.
extension Row {
    package func text(_ column: String) throws -> String { try get(column) }
    package func textIfAny(_ column: String) throws -> String? { try get(column) }
    package func uuid(_ column: String) throws -> UUID { try get(column) }
    package func uuidIfAny(_ column: String) throws -> UUID? { try get(column) }
    package func time(_ column: String) throws -> Timestamp { try get(column) }
    package func timeIfAny(_ column: String) throws -> Timestamp? { try get(column) }
    package func flag(_ column: String) throws -> Bool { try get(column) }
    package func number(_ column: String) throws -> Int { try get(column) }
    package func texts(_ column: String) throws -> [String] { try get(column) }
}
