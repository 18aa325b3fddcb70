/// A Swift type that travels as one PostgreSQL value, in binary.
package protocol SQLValue: Sendable {
    /// The type a parameter of this Swift type is declared as.
    static var sqlType: SQLType { get }
    /// The type of an array of them.
    static var sqlArrayType: SQLType { get }
    /// Appends the value as PostgreSQL's `…recv` function of `sqlType` reads it.
    func encode(into bytes: inout [UInt8])
    /// Reads what PostgreSQL's `…send` function of `type` wrote. Throws a `DatabaseError` of kind `decoding` when `type` is one
    /// this Swift type does not stand for, or the value does not fit.
    init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws
}

extension SQLValue {
    static func mismatch(_ type: SQLType) -> DatabaseError {
        .decoding("A value of \(type) was asked for as \(Self.self).")
    }
}

extension [UInt8] {
    /// Appends in network order.
    mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    /// Writes in network order over what stands at `position`.
    mutating func putBigEndian(_ value: Int32, at position: Int) {
        Swift.withUnsafeBytes(of: value.bigEndian) { word in
            for index in 0..<4 { self[position + index] = word[index] }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Reads in network order; throws when fewer bytes are left.
    func bigEndian<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int = 0) throws -> T {
        guard offset >= 0, offset + MemoryLayout<T>.size <= count else {
            throw DatabaseError.decoding("A value ends too early.")
        }
        return T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
