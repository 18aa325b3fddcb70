import CloudModel
import Foundation
import Testing

@Suite struct TimestampTests {
    /// Days that trip calendars up, with the number that `date -u -d … +%s` gives.
    static let known: [(Int64, String)] = [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"), (951_868_800, "2000-03-01T00:00:00Z"), (1_078_012_800, "2004-02-29T00:00:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (1_795_212_900, "2026-11-20T22:15:00Z"), (-2_203_891_200, "1900-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ]

    @Test(arguments: known) func isWrittenAsNovaDoes(second: Int64, text: String) {
        #expect(Timestamp(microseconds: second * 1_000_000).seconds == text)
    }

    @Test func fractionsHaveSixDigits() {
        #expect(Timestamp(microseconds: 1_000_007).description == "1970-01-01T00:00:01.000007Z")
        #expect(Timestamp(microseconds: 999_999).withoutZone == "1970-01-01T00:00:00.999999")
        #expect(Timestamp(microseconds: -1).description == "1969-12-31T23:59:59.999999Z")
        #expect(Timestamp(microseconds: -1_000_000).description == "1969-12-31T23:59:59.000000Z")
    }

    @Test func agreesWithFoundation() {
        var generator = SystemRandomNumberGenerator()
        let style = Date.ISO8601FormatStyle(timeZone: .gmt)
        for _ in 0..<500 {
            let second = Int64.random(in: -2_000_000_000...8_000_000_000, using: &generator)
            let date = Date(timeIntervalSince1970: Double(second))
            #expect(Timestamp(microseconds: second * 1_000_000).seconds == date.formatted(style))
            #expect(Timestamp(date).microseconds == second * 1_000_000)
        }
    }

    @Test func addsAndComparesDurations() {
        let time = Timestamp(microseconds: 5_000_000)
        #expect(time + .milliseconds(1500) == Timestamp(microseconds: 6_500_000))
        #expect(time - .seconds(5) == Timestamp(microseconds: 0))
        #expect((time + .seconds(3)) - time == .seconds(3))
        #expect(time < time + .microseconds(1))
        #expect(Duration.seconds(-1.5).inMicroseconds == -1_500_000)
        #expect(Duration.milliseconds(1999).inMilliseconds == 1999)
    }

    @Test func travelsAsANumber() throws {
        let time = Timestamp(microseconds: 1_795_212_900_123_456)
        let data = try JSONEncoder().encode([time])
        #expect(String(decoding: data, as: UTF8.self) == "[1795212900123456]")
        #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [time])
    }
}
