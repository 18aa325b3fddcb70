internal import CLibPQ
internal import Synchronization

/// Owns one `PGresult` and frees it. Immutable once made, so any number of tasks may read it (libpq manual, 34.20).
final class ResultSet: @unchecked Sendable {
    private let result: OpaquePointer
    let columns: Columns
    let count: Int

    init(taking result: OpaquePointer, columns: Columns) {
        self.result = result
        self.columns = columns
        count = Int(PQntuples(result))
    }

    deinit { PQclear(result) }

    /// Rows touched, as the command's tag says.
    var affected: Int {
        defer { withExtendedLifetime(self) {} }
        return PQcmdTuples(result).map { String(cString: $0) }.flatMap { Int($0) } ?? 0
    }

    /// What the server did, in its words: `INSERT 0 1`.
    var tag: String {
        defer { withExtendedLifetime(self) {} }
        return PQcmdStatus(result).map { String(cString: $0) } ?? ""
    }

    /// The bytes of one value, nil for NULL. Valid only inside `body`.
    func withBytes<R>(row: Int, column: Int, _ body: (UnsafeRawBufferPointer?) throws -> R) rethrows -> R {
        let row = Int32(truncatingIfNeeded: row)
        let column = Int32(truncatingIfNeeded: column)
        defer { withExtendedLifetime(self) {} }
        guard PQgetisnull(result, row, column) == 0 else { return try body(nil) }
        let length = Int(PQgetlength(result, row, column))
        return try body(UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length))
    }
}

/// The names and types of a result's columns; shared by all results of one prepared statement.
final class Columns: Sendable {
    let names: [String]
    let types: [SQLType]
    private let positions: [String: Int]
    /// Where the next lookup will probably hit: rows are read in the order of their columns. Only a hint, so relaxed.
    private let expected = Atomic<Int>(0)

    init(of result: OpaquePointer) {
        let count = PQnfields(result)
        names = (0..<count).map { PQfname(result, $0).map { String(cString: $0) } ?? "" }
        types = (0..<count).map { SQLType(PQftype(result, $0)) }
        positions = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
    }

    /// The position of a column; throws when there is none of that name.
    func position(_ name: String) throws -> Int {
        let guess = expected.load(ordering: .relaxed)
        if guess < names.count, names[guess] == name {
            expected.store(guess + 1, ordering: .relaxed)
            return guess
        }
        guard let position = positions[name] else {
            throw DatabaseError(
                .decoding, .undefinedColumn, "The result has no column \(name).", detail: names.joined(separator: ", "))
        }
        expected.store(position + 1, ordering: .relaxed)
        return position
    }

    /// True when `result` still has these columns (a statement's result type may change when a table does).
    func describe(_ result: OpaquePointer) -> Bool {
        guard PQnfields(result) == Int32(names.count) else { return false }
        for index in types.indices where PQftype(result, Int32(index)) != types[index].rawValue { return false }
        return true
    }
}
