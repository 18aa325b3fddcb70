import APIConventions
import CloudModel
import Testing

/// Header fields that more than one service reads.
@Suite struct FieldTests {
    @Test(arguments: [
        ("bytes=0-9", ByteRange(start: 0, count: 10)), ("bytes=90-", ByteRange(start: 90, count: 10)),
        ("bytes=-5", ByteRange(start: 95, count: 5)), ("bytes=-500", ByteRange(start: 0, count: 100)),
        ("bytes=90-500", ByteRange(start: 90, count: 10)), ("bytes=0-1,5-6", nil), ("lines=1-2", nil), ("bytes=x-", nil),
        ("bytes=9-1", nil),
    ])
    func aRangeIsReadAsTheRFCSays(_ header: String, _ range: ByteRange?) throws {
        #expect(try ByteRange.parse(header, size: 100) == range)
    }

    @Test func aDigestIsReadAndWrittenAsTheRFCSays() throws {
        let hex = String(repeating: "00ff", count: 32)
        let text = try #require(DigestField.text(sha512: hex))
        #expect(text.hasPrefix("sha-512=:AP8A"))
        #expect(try DigestField.sha512(in: text) == hex)
        #expect(try DigestField.sha512(in: "sha-256=:AAAA:, \(text)") == hex)
        #expect(try DigestField.sha512(in: "\(text)\t , sha-256=:AAAA:") == hex)
        #expect(try DigestField.sha512(in: "sha-256=:AAAA: ,\t\(text);a=1;b") == hex)
        #expect(try DigestField.sha512(in: "md5=:AAAA:") == nil)
        #expect(DigestField.text(sha512: "no digest") == nil)
    }

    @Test(arguments: ["sha-512=:AAAA:", "sha-512=:", "sha-512=::", "sha-512=:;a"])
    func aMalformedDigestIsRefused(_ header: String) {
        #expect(throws: CloudError.self) { try DigestField.sha512(in: header) }
    }
}
