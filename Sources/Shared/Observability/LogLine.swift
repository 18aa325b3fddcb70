import Foundation
import Logging

/// Builds one line of the log. By hand: `JSONEncoder` would cost more than everything else a log line does.
struct LogLine {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func add(_ key: String, _ text: String) {
        begin(key)
        quote(text)
    }

    mutating func add(_ key: String, _ value: Logger.MetadataValue) {
        begin(key)
        put(value)
    }

    consuming func finished() -> [UInt8] {
        bytes += [UInt8(ascii: "}"), UInt8(ascii: "\n")]
        return bytes
    }

    /// The wall clock as `2026-11-20T21:55:00.123456Z`.
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(time.tv_nsec / 1_000, 6))Z"
    }

    private mutating func begin(_ key: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        quote(key)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func put(_ value: Logger.MetadataValue) {
        switch value {
        case .string(let text): quote(text)
        case .stringConvertible(let number as any FixedWidthInteger): bytes += Array(String(describing: number).utf8)
        case .stringConvertible(let flag as Bool): bytes += Array((flag ? "true" : "false").utf8)
        case .stringConvertible(let other): quote(other.description)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                put(value)
            }
            bytes.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            bytes.append(UInt8(ascii: "{"))
            for (index, pair) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                quote(pair.key)
                bytes.append(UInt8(ascii: ":"))
                put(pair.value)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// Text as a JSON string (RFC 8259, 7). Text is bounded: a line must stay a line that tools can take.
    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8.prefix(Self.textLimit) {
            switch byte {
            case UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\"")]
            case UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "\\")]
            case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x00..<0x20: bytes += Array("\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Bytes of one value. Higher lets one error chain fill a disk; lower cuts useful chains.
    private static let textLimit = 8 * 1024
}
