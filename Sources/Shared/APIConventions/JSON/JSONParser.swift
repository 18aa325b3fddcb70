package import CloudModel

extension JSONValue {
    /// Nesting beyond which a text is refused: nothing in OpenStack comes near, and a deeper one is aimed at our stack.
    package static let depthLimit = 64

    /// Reads one JSON text. The caller has limited its size. Throws `CloudError.badRequest` with a sentence that names line
    /// and column.
    package init(parsing bytes: some Sequence<UInt8>) throws(CloudError) {
        let result: Result<JSONValue, CloudError> =
            bytes.withContiguousStorageIfAvailable { JSONParser.parse($0) }
            ?? Array(bytes).withUnsafeBufferPointer { JSONParser.parse($0) }
        self = try result.get()
    }

    package init(parsing text: String) throws(CloudError) { try self.init(parsing: text.utf8) }
}

/// A recursive-descent parser over bytes that someone else keeps alive.
private struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<JSONValue, CloudError> {
        var parser = JSONParser(bytes: bytes)
        do throws(CloudError) {
            parser.skipSpace()
            let value = try parser.value(depth: 0)
            parser.skipSpace()
            guard parser.at == bytes.count else { throw parser.unexpected("end of text") }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func value(depth: Int) throws(CloudError) -> JSONValue {
        guard depth < JSONValue.depthLimit else {
            throw problem("it is nested deeper than \(JSONValue.depthLimit) levels")
        }
        switch peek {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        default: throw unexpected("a value")
        }
    }

    private mutating func object(depth: Int) throws(CloudError) -> JSONObject {
        at += 1
        var members: [JSONObject.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return JSONObject() }
        while true {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw unexpected("a name in double quotes") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
            skipSpace()
            members.append(.init(key: key, value: try value(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            if take(UInt8(ascii: "}")) { return JSONObject(members) }
            throw unexpected("',' or '}'")
        }
    }

    private mutating func array(depth: Int) throws(CloudError) -> [JSONValue] {
        at += 1
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return values }
        while true {
            skipSpace()
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            if take(UInt8(ascii: "]")) { return values }
            throw unexpected("',' or ']'")
        }
    }

    private mutating func string() throws(CloudError) -> String {
        at += 1
        let start = at
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                defer { at += 1 }
                return try text(UnsafeBufferPointer(rebasing: bytes[start..<at])).get()
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw problem("a string holds a control character that isn't escaped")
            default: at += 1
            }
        }
        throw problem("a string doesn't end")
    }

    /// The slow path: from the first backslash on, bytes are collected one by one.
    private mutating func escapedString(from start: Int) throws(CloudError) -> String {
        var out = Array(bytes[start..<at])
        while let byte = peek {
            at += 1
            switch byte {
            case UInt8(ascii: "\""): return try out.withUnsafeBufferPointer { text($0) }.get()
            case UInt8(ascii: "\\"): try escape(into: &out)
            case 0..<0x20: throw problem("a string holds a control character that isn't escaped")
            default: out.append(byte)
            }
        }
        throw problem("a string doesn't end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(CloudError) {
        guard let kind = peek else { throw problem("a string doesn't end") }
        at += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(kind)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            var code = UInt32(try hex4())
            if (0xD800..<0xDC00).contains(code) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                    throw problem("half of a surrogate pair is missing")
                }
                let low = UInt32(try hex4())
                guard (0xDC00..<0xE000).contains(low) else { throw problem("half of a surrogate pair is missing") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw problem("half of a surrogate pair is missing") }
            // No database can store it, and one text that holds it would fail a commit which it shares with others.
            guard code != 0 else { throw problem("a string holds a NUL character, which can't be stored") }
            out += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        default: throw problem("'\\\(Character(Unicode.Scalar(kind)))' isn't an escape")
        }
    }

    private mutating func hex4() throws(CloudError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw problem("\\u wants four hex digits")
            }
            value = value << 4 | UInt16(digit)
            at += 1
        }
        return value
    }

    private mutating func number() throws(CloudError) -> JSONValue {
        let start = at
        let isNegative = take(UInt8(ascii: "-"))
        var magnitude: UInt64 = 0
        var fits = true
        let digits = at
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, more) = product.addingReportingOverflow(UInt64(byte - 48))
            fits = fits && !overflow && !more
            magnitude = sum
            at += 1
        }
        guard at > digits else { throw unexpected("a digit") }
        guard at == digits + 1 || bytes[digits] != UInt8(ascii: "0") else { throw problem("a number starts with 0") }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            try someDigits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try someDigits()
        }
        if isWhole, fits, magnitude <= UInt64(Int64.max) {
            return .int(isNegative ? -Int64(magnitude) : Int64(magnitude))
        }
        let literal = String(decoding: bytes[start..<at], as: UTF8.self)
        guard literal.utf8.count <= 64, let double = Double(literal), double.isFinite else {
            throw problem("a number is out of range")
        }
        return .double(double)
    }

    private mutating func someDigits() throws(CloudError) {
        let start = at
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { at += 1 }
        guard at > start else { throw unexpected("a digit") }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(CloudError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard at + length <= bytes.count, (0..<length).allSatisfy({ bytes[at + $0] == word.utf8Start[$0] }) else {
            throw unexpected("a value")
        }
        at += length
        return value
    }

    private func text(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<String, CloudError> {
        guard let text = String(validating: bytes, as: UTF8.self) else { return .failure(problem("a string isn't UTF-8")) }
        return .success(text)
    }

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return
            }
        }
    }

    private func unexpected(_ wanted: String) -> CloudError {
        guard let byte = peek else { return problem("it ends where \(wanted) should stand") }
        let found = byte < 0x80 && byte > 0x20 ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
        return problem("\(found) stands where \(wanted) should")
    }

    private func problem(_ what: String) -> CloudError {
        var line = 1
        var lineStart = 0
        for index in 0..<min(at, bytes.count) where bytes[index] == 0x0A {
            line += 1
            lineStart = index + 1
        }
        return CloudError(
            .badRequest, "The request body isn't valid JSON: \(what) (line \(line), column \(at - lineStart + 1)).")
    }
}
