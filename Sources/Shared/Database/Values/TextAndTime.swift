package import CloudModel
package import Foundation

extension String: SQLValue {
    package static var sqlType: SQLType { .text }
    package static var sqlArrayType: SQLType { .textArray }
    package func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        switch type {
        case .text, .varchar, .bpchar, .name, .char, .json, .unknown: self.init(decoding: bytes, as: UTF8.self)
        case .jsonb: self.init(decoding: bytes.dropFirst(), as: UTF8.self)  // the first byte is jsonb's version, 1
        case .uuid: self = try UUID(decoding: bytes, type: type).lowercased
        default:
            guard type.rawValue >= SQLType.firstUserDefined else { throw Self.mismatch(type) }
            self.init(decoding: bytes, as: UTF8.self)  // an enum travels as its label
        }
    }
}

extension UUID: SQLValue {
    package static var sqlType: SQLType { .uuid }
    package static var sqlArrayType: SQLType { .uuidArray }
    package func encode(into bytes: inout [UInt8]) { withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) } }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard type == .uuid, bytes.count == 16 else { throw Self.mismatch(type) }
        self.init(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}

/// `bytea`.
extension Array: SQLValue where Element == UInt8 {
    package static var sqlType: SQLType { .bytea }
    package static var sqlArrayType: SQLType { .byteaArray }
    package func encode(into bytes: inout [UInt8]) { bytes.append(contentsOf: self) }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard type == .bytea else { throw Self.mismatch(type) }
        self.init(bytes)
    }
}

/// `timestamptz`; a `timestamp` without zone is read as UTC.
extension Timestamp: SQLValue {
    /// PostgreSQL counts from 2000-01-01T00:00:00Z.
    private static let epoch: Int64 = 946_684_800_000_000

    package static var sqlType: SQLType { .timestamptz }
    package static var sqlArrayType: SQLType { .timestamptzArray }
    package func encode(into bytes: inout [UInt8]) {
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epoch)
        bytes.appendBigEndian(overflow ? Int64.min : value)  // Int64.min is '-infinity'
    }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard type == .timestamptz || type == .timestamp else { throw Self.mismatch(type) }
        let (value, overflow) = try bytes.bigEndian(Int64.self).addingReportingOverflow(Self.epoch)
        self.init(microseconds: overflow ? Int64.max : value)  // Int64.max is 'infinity'
    }
}

/// `interval`. Days count as 24 hours; an interval with months is refused, because months have no length.
extension Duration: SQLValue {
    package static var sqlType: SQLType { .interval }
    package static var sqlArrayType: SQLType { .intervalArray }
    package func encode(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(inMicroseconds)
        bytes.appendBigEndian(Int64(0))  // days, months
    }
    package init(decoding bytes: UnsafeRawBufferPointer, type: SQLType) throws {
        guard type == .interval else { throw Self.mismatch(type) }
        guard try bytes.bigEndian(Int32.self, at: 12) == 0 else {
            throw DatabaseError.decoding("An interval of months has no fixed length.")
        }
        let days = Int64(try bytes.bigEndian(Int32.self, at: 8))
        self = .microseconds(try bytes.bigEndian(Int64.self)) + .seconds(days * 86_400)
    }
}
