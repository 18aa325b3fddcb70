internal import Foundation

/// One row of a result. The type asked for is inferred: `let id: ServerID = try row.get("id")`.
///
/// Every `get` throws a `DatabaseError` of kind `decoding` that names the column when it is missing, is NULL where no optional
/// was asked for, or has another type.
package struct Row: Sendable {
    let result: ResultSet
    let index: Int

    // MARK: Scalars

    package func get<T: SQLValue>(_ column: String) throws -> T { try get(at: result.columns.position(column)) }
    package func get<T: SQLValue>(_ column: String) throws -> T? { try get(at: result.columns.position(column)) }
    package func get<T: RawRepresentable>(_ column: String) throws -> T where T.RawValue: SQLValue {
        try get(at: result.columns.position(column))
    }
    package func get<T: RawRepresentable>(_ column: String) throws -> T? where T.RawValue: SQLValue {
        try get(at: result.columns.position(column))
    }

    /// By position, from 0: for reading many rows.
    package func get<T: SQLValue>(at column: Int) throws -> T {
        try withValue(column) { bytes, type in try T(decoding: bytes, type: type) }
    }
    package func get<T: SQLValue>(at column: Int) throws -> T? {
        try withOptionalValue(column) { bytes, type in try T(decoding: bytes, type: type) }
    }
    package func get<T: RawRepresentable>(at column: Int) throws -> T where T.RawValue: SQLValue {
        try withValue(column) { bytes, type in try represented(T.RawValue(decoding: bytes, type: type)) }
    }
    package func get<T: RawRepresentable>(at column: Int) throws -> T? where T.RawValue: SQLValue {
        try withOptionalValue(column) { bytes, type in try represented(T.RawValue(decoding: bytes, type: type)) }
    }

    // MARK: Arrays

    package func get<T: SQLValue>(_ column: String) throws -> [T] { try get(at: result.columns.position(column)) }
    package func get<T: SQLValue>(_ column: String) throws -> [T]? { try get(at: result.columns.position(column)) }
    package func get<T: SQLValue>(_ column: String) throws -> [T?] { try get(at: result.columns.position(column)) }
    package func get<T: RawRepresentable>(_ column: String) throws -> [T] where T.RawValue: SQLValue {
        try get(at: result.columns.position(column))
    }
    package func get<T: RawRepresentable>(_ column: String) throws -> [T]? where T.RawValue: SQLValue {
        try get(at: result.columns.position(column))
    }
    package func get<T: RawRepresentable>(_ column: String) throws -> [T?] where T.RawValue: SQLValue {
        try get(at: result.columns.position(column))
    }

    package func get<T: SQLValue>(at column: Int) throws -> [T] {
        try withValue(column) { bytes, type in try elements(bytes, type) { try T(decoding: $0, type: $1) } }
    }
    package func get<T: SQLValue>(at column: Int) throws -> [T]? {
        try withOptionalValue(column) { bytes, type in try elements(bytes, type) { try T(decoding: $0, type: $1) } }
    }
    package func get<T: SQLValue>(at column: Int) throws -> [T?] {
        try withValue(column) { bytes, _ in
            try decodeArray(bytes) { element, type in try element.map { try T(decoding: $0, type: type) } }
        }
    }
    package func get<T: RawRepresentable>(at column: Int) throws -> [T] where T.RawValue: SQLValue {
        try withValue(column) { bytes, type in
            try elements(bytes, type) { try represented(T.RawValue(decoding: $0, type: $1)) }
        }
    }
    package func get<T: RawRepresentable>(at column: Int) throws -> [T]? where T.RawValue: SQLValue {
        try withOptionalValue(column) { bytes, type in
            try elements(bytes, type) { try represented(T.RawValue(decoding: $0, type: $1)) }
        }
    }
    package func get<T: RawRepresentable>(at column: Int) throws -> [T?] where T.RawValue: SQLValue {
        try withValue(column) { bytes, _ in
            try decodeArray(bytes) { element, type in
                try element.map { try represented(T.RawValue(decoding: $0, type: type)) }
            }
        }
    }

    // MARK: Documents

    /// Decodes a `json` or `jsonb` column by Foundation. NULL is an error unless `T` is optional.
    package func json<T: Decodable>(_ column: String, as type: T.Type = T.self) throws -> T {
        let position = try result.columns.position(column)
        guard let text: String = try get(at: position) else {
            if let none = Optional<Any>.none as? T { return none }
            throw DatabaseError.decoding("Column \(column) is NULL.")
        }
        do {
            return try JSONDecoder().decode(T.self, from: Data(text.utf8))
        } catch {
            throw DatabaseError.decoding("Column \(column) is not a \(T.self): \(error)")
        }
    }

    /// The text of a `json` or `jsonb` column; nil for NULL.
    package func jsonText(_ column: String) throws -> String? { try get(column) }

    /// The bytes of a value as the server sent them, without a copy; nil for NULL. Valid only inside `body`. The bytes of a
    /// `jsonb` begin with its version, 1.
    package func withBytes<R>(_ column: String, _ body: (UnsafeRawBufferPointer?) throws -> R) throws -> R {
        try result.withBytes(row: index, column: try result.columns.position(column), body)
    }

    package func isNull(_ column: String) throws -> Bool { try withBytes(column) { $0 == nil } }

    // MARK: Reading

    private func withOptionalValue<R>(_ column: Int, _ body: (UnsafeRawBufferPointer, SQLType) throws -> R) throws -> R? {
        let columns = result.columns
        guard column >= 0, column < columns.types.count else {
            throw DatabaseError.decoding("The result has no column at position \(column).")
        }
        return try result.withBytes(row: index, column: column) { bytes in
            guard let bytes else { return nil }
            do {
                return try body(bytes, columns.types[column])
            } catch let error as DatabaseError where error.kind == .decoding {
                throw DatabaseError.decoding("Column \(columns.names[column]): \(error.message)")
            }
        }
    }

    private func withValue<R>(_ column: Int, _ body: (UnsafeRawBufferPointer, SQLType) throws -> R) throws -> R {
        guard let value = try withOptionalValue(column, body) else {
            throw DatabaseError.decoding("Column \(result.columns.names[column]) is NULL.")
        }
        return value
    }

    private func represented<T: RawRepresentable>(_ raw: T.RawValue) throws -> T {
        guard let value = T(rawValue: raw) else { throw DatabaseError.decoding("\(raw) is not a \(T.self).") }
        return value
    }

    private func elements<T>(
        _ bytes: UnsafeRawBufferPointer, _ type: SQLType, _ read: (UnsafeRawBufferPointer, SQLType) throws -> T
    ) throws -> [T] {
        try decodeArray(bytes) { element, type in
            guard let element else { throw DatabaseError.decoding("an element is NULL.") }
            return try read(element, type)
        }
    }
}
