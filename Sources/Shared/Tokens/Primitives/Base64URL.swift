/// RFC 4648, 5: the alphabet that needs no escaping in URLs and headers, without padding unless asked.
package enum Base64 {
    private static let url = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 255 marks bytes outside both alphabets.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, byte) in url.enumerated() { values[Int(byte)] = UInt8(value) }
        for (value, byte) in standard.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    package static func urlEncoded(_ bytes: some Collection<UInt8>, padded: Bool = false) -> String {
        encoded(Array(bytes), url, padded: padded)
    }

    /// The alphabet with `+` and `/`, without padding, as passlib writes hashes.
    package static func standardEncoded(_ bytes: some Collection<UInt8>, padded: Bool = false) -> String {
        encoded(Array(bytes), standard, padded: padded)
    }

    /// Reads either alphabet, with or without padding; nil for anything that isn't canonical.
    package static func decoded(_ text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count * 3 / 4)
        var bits: UInt32 = 0
        var held = 0
        var padding = 0
        var count = 0
        for byte in text.utf8 {
            count += 1
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(byte)]
            guard padding == 0, value != 255 else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 6
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        guard padding <= 2, padding == 0 || count % 4 == 0, held < 6, bits & (1 << UInt32(held) - 1) == 0 else { return nil }
        return out
    }

    private static func encoded(_ bytes: [UInt8], _ alphabet: [UInt8], padded: Bool) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { out in
            var written = 0
            var at = 0
            while at < bytes.count {
                let left = min(3, bytes.count - at)
                let group =
                    UInt32(bytes[at]) << 16 | (left > 1 ? UInt32(bytes[at + 1]) << 8 : 0)
                    | (left > 2 ? UInt32(bytes[at + 2]) : 0)
                for place in 0...left {
                    out[written] = alphabet[Int(group >> UInt32(18 - 6 * place) & 63)]
                    written += 1
                }
                if padded {
                    for _ in left..<3 {
                        out[written] = UInt8(ascii: "=")
                        written += 1
                    }
                }
                at += 3
            }
            return written
        }
    }
}
