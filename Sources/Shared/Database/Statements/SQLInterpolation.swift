internal import Foundation

extension SQL {
    /// Collects a statement's text and, straight in wire form, its parameters.
    package struct StringInterpolation: StringInterpolationProtocol {
        var text: String
        var parameters = Parameters()
        var failure: DatabaseError?

        package init(literalCapacity: Int, interpolationCount: Int) {
            text = ""
            text.reserveCapacity(literalCapacity + 4 * interpolationCount)
            parameters.slots.reserveCapacity(interpolationCount)
        }

        init(_ statement: SQL) {
            text = statement.text
            parameters = statement.parameters
            failure = statement.failure
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        // MARK: Scalars

        package mutating func appendInterpolation<T: SQLValue>(_ value: T) {
            bind(T.sqlType) { value.encode(into: &$0) }
        }

        package mutating func appendInterpolation<T: SQLValue>(_ value: T?) {
            guard let value else { return bindNull(T.sqlType) }
            appendInterpolation(value)
        }

        package mutating func appendInterpolation<T: RawRepresentable>(_ value: T) where T.RawValue: SQLValue {
            appendInterpolation(value.rawValue)
        }

        package mutating func appendInterpolation<T: RawRepresentable>(_ value: T?) where T.RawValue: SQLValue {
            guard let value else { return bindNull(T.RawValue.sqlType) }
            appendInterpolation(value.rawValue)
        }

        // MARK: Arrays

        package mutating func appendInterpolation<T: SQLValue>(_ values: [T]) {
            bind(T.sqlArrayType) { bytes in
                encodeArray(values, of: T.sqlType, into: &bytes) { value, bytes in
                    value.encode(into: &bytes)
                    return true
                }
            }
        }

        package mutating func appendInterpolation<T: SQLValue>(_ values: [T]?) {
            guard let values else { return bindNull(T.sqlArrayType) }
            appendInterpolation(values)
        }

        package mutating func appendInterpolation<T: SQLValue>(_ values: [T?]) {
            bind(T.sqlArrayType) { bytes in
                encodeArray(values, of: T.sqlType, into: &bytes) { value, bytes in
                    value?.encode(into: &bytes)
                    return value != nil
                }
            }
        }

        package mutating func appendInterpolation<T: RawRepresentable>(_ values: [T]) where T.RawValue: SQLValue {
            bind(T.RawValue.sqlArrayType) { bytes in
                encodeArray(values, of: T.RawValue.sqlType, into: &bytes) { value, bytes in
                    value.rawValue.encode(into: &bytes)
                    return true
                }
            }
        }

        package mutating func appendInterpolation<T: RawRepresentable>(_ values: [T]?) where T.RawValue: SQLValue {
            guard let values else { return bindNull(T.RawValue.sqlArrayType) }
            appendInterpolation(values)
        }

        package mutating func appendInterpolation<T: RawRepresentable>(_ values: [T?]) where T.RawValue: SQLValue {
            bind(T.RawValue.sqlArrayType) { bytes in
                encodeArray(values, of: T.RawValue.sqlType, into: &bytes) { value, bytes in
                    value?.rawValue.encode(into: &bytes)
                    return value != nil
                }
            }
        }

        // MARK: Documents and text

        /// A value as `jsonb`, encoded by Foundation. Hot paths write their own text and use `jsonText`.
        package mutating func appendInterpolation<T: Encodable>(json value: T) {
            do {
                let document = try JSONEncoder().encode(value)
                bind(.jsonb) { bytes in
                    bytes.append(1)  // jsonb's version
                    bytes.append(contentsOf: document)
                }
            } catch {
                failure = failure ?? .misuse("A parameter cannot be written as JSON: \(error)")
                bindNull(.jsonb)
            }
        }

        package mutating func appendInterpolation<T: Encodable>(json value: T?) {
            guard let value else { return bindNull(.jsonb) }
            appendInterpolation(json: value)
        }

        /// JSON text as `jsonb`; the server checks it.
        package mutating func appendInterpolation(jsonText text: String) {
            bind(.jsonb) { bytes in
                bytes.append(1)  // jsonb's version
                bytes.append(contentsOf: text.utf8)
            }
        }

        package mutating func appendInterpolation(jsonText text: String?) {
            guard let text else { return bindNull(.jsonb) }
            appendInterpolation(jsonText: text)
        }

        /// JSON in UTF-8 as `jsonb`; the server checks it.
        package mutating func appendInterpolation(jsonBytes document: [UInt8]) {
            bind(.jsonb) { bytes in
                bytes.append(1)  // jsonb's version
                bytes.append(contentsOf: document)
            }
        }

        /// Another piece of SQL, its parameters renumbered.
        package mutating func appendInterpolation(_ piece: SQL) {
            failure = failure ?? piece.failure
            guard piece.parameters.count > 0 else { return text += piece.text }
            let utf8 = piece.text.utf8
            let bytesBefore = parameters.bytes.count
            var copied = utf8.startIndex
            for (index, slot) in piece.parameters.slots.enumerated() {
                let at = utf8.index(utf8.startIndex, offsetBy: slot.textPosition)
                text += piece.text[copied..<at]
                copied = utf8.index(at, offsetBy: 1 + String(index + 1).utf8.count)
                parameters.slots.append(
                    .init(
                        type: slot.type, textPosition: text.utf8.count, start: bytesBefore + slot.start, length: slot.length))
                text += "$\(parameters.count)"
            }
            text += piece.text[copied...]
            parameters.bytes += piece.parameters.bytes
        }

        /// Text spliced in as it is: table and column names, sort orders. Never anything a user typed.
        package mutating func appendInterpolation(unsafe text: String) { self.text += text }

        // MARK: Binding

        private mutating func bind(_ type: SQLType, _ encode: (inout [UInt8]) -> Void) {
            let start = parameters.bytes.count
            encode(&parameters.bytes)
            mark(type, start: start, length: parameters.bytes.count - start)
        }

        private mutating func bindNull(_ type: SQLType) { mark(type, start: parameters.bytes.count, length: -1) }

        private mutating func mark(_ type: SQLType, start: Int, length: Int) {
            parameters.slots.append(.init(type: type, textPosition: text.utf8.count, start: start, length: length))
            text += "$"
            text += String(parameters.count)
            if parameters.count > Parameters.limit {
                failure = failure ?? .misuse("A statement has more than \(Parameters.limit) parameters; pass an array.")
            }
        }
    }
}
