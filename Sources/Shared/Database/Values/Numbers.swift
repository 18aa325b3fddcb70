// Integers and floating point. Reading is lenient between the widths of numbers, because `count(*)` is bigint and `sum(bigint)`
// is numeric; it is strict about everything else.

extension Bool: SQLValue {
    package static var sqlType: SQLType { .bool }
    package static var sqlArrayType: SQLType { .boolArray }
    package func encode(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard type == .bool else { throw Self.mismatch(type) }
        self = try bytes.bigEndian(UInt8.self) != 0
    }
}

extension Int: SQLValue {
    package static var sqlType: SQLType { .int8 }
    package static var sqlArrayType: SQLType { .int8Array }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        self = Int(try Int64(decoding: bytes, type: type))
    }
}

extension Int64: SQLValue {
    package static var sqlType: SQLType { .int8 }
    package static var sqlArrayType: SQLType { .int8Array }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        switch type {
        case .int8: self = try bytes.bigEndian(Int64.self)
        case .int4: self = Int64(try bytes.bigEndian(Int32.self))
        case .int2: self = Int64(try bytes.bigEndian(Int16.self))
        case .oid: self = Int64(try bytes.bigEndian(UInt32.self))
        case .numeric:
            guard let whole = Int64(exactly: try Numeric(bytes).value) else { throw Self.mismatch(type) }
            self = whole
        default: throw Self.mismatch(type)
        }
    }
}

extension Int32: SQLValue {
    package static var sqlType: SQLType { .int4 }
    package static var sqlArrayType: SQLType { .int4Array }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard let value = Int32(exactly: try Int64(decoding: bytes, type: type)) else {
            throw DatabaseError.decoding("A number does not fit into 32 bits.")
        }
        self = value
    }
}

extension Int16: SQLValue {
    package static var sqlType: SQLType { .int2 }
    package static var sqlArrayType: SQLType { .int2Array }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard let value = Int16(exactly: try Int64(decoding: bytes, type: type)) else {
            throw DatabaseError.decoding("A number does not fit into 16 bits.")
        }
        self = value
    }
}

extension Double: SQLValue {
    package static var sqlType: SQLType { .float8 }
    package static var sqlArrayType: SQLType { .float8Array }
    package func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        switch type {
        case .float8: self = Double(bitPattern: try bytes.bigEndian(UInt64.self))
        case .float4: self = Double(Float(bitPattern: try bytes.bigEndian(UInt32.self)))
        case .numeric: self = try Numeric(bytes).value
        default: self = Double(try Int64(decoding: bytes, type: type))
        }
    }
}

/// PostgreSQL's `numeric` on the wire: digits in base 10,000 (`numeric_send`). Read as a `Double`, which is exact up to 2^53.
private struct Numeric {
    let value: Double

    init(_ bytes: UnsafeRawBufferPointer) throws {
        let count = Int(try bytes.bigEndian(Int16.self))
        let weight = Int(try bytes.bigEndian(Int16.self, at: 2))
        let sign = try bytes.bigEndian(UInt16.self, at: 4)
        guard sign == 0 || sign == 0x4000 else { throw DatabaseError.decoding("A numeric is not a finite number.") }
        var magnitude = 0.0
        for index in 0..<count {
            magnitude = magnitude * 10_000 + Double(try bytes.bigEndian(Int16.self, at: 8 + 2 * index))
        }
        var exponent = weight - (count - 1)
        while exponent > 0 {
            magnitude *= 10_000
            exponent -= 1
        }
        while exponent < 0 {
            magnitude /= 10_000
            exponent += 1
        }
        value = sign == 0 ? magnitude : -magnitude
    }
}
