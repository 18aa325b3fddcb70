/// What a statement gave back. Holds libpq's own buffer: values are decoded when they are asked for.
package struct Rows: RandomAccessCollection, Sendable {
    private let result: ResultSet?

    init(_ result: ResultSet?) { self.result = result }

    /// How many rows an INSERT, UPDATE, DELETE or SELECT touched; 0 for anything else.
    package var affected: Int { result?.affected ?? 0 }
    /// What the server did, in its words: `ROLLBACK`.
    var tag: String { result?.tag ?? "" }
    package var startIndex: Int { 0 }
    package var endIndex: Int { result?.count ?? 0 }

    package subscript(position: Int) -> Row {
        guard let result, position >= 0, position < result.count else {
            preconditionFailure("Row \(position) of \(count) was asked for.")
        }
        return Row(result: result, index: position)
    }

    /// The position of a column, for reading many rows by `get(at:)`.
    package func position(_ column: String) throws -> Int {
        guard let result else { throw DatabaseError.decoding("The statement gave no rows, so no column \(column).") }
        return try result.columns.position(column)
    }

    /// The names of the columns, in order.
    package var columns: [String] { result?.columns.names ?? [] }
}
