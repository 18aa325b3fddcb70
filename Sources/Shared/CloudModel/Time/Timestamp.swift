package import Foundation

/// A moment on the wall clock, in microseconds since 1970-01-01T00:00:00Z: PostgreSQL's own resolution.
///
/// Arithmetic ends at the first and the last moment that can be counted rather than trap: times come from other machines.
///
/// Written by hand rather than through a formatter: rows of a listing carry three or four of them.
package struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Microseconds since the Unix epoch.
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package init(_ date: Date) {
        let exact = (date.timeIntervalSince1970 * 1_000_000).rounded()
        microseconds = Int64(exactly: exact) ?? (exact > 0 ? Int64.max : Int64.min)
    }

    /// The wall clock now. Pass the result into decisions; decisions don't call this.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    package init(from decoder: any Decoder) throws { microseconds = try decoder.singleValueContainer().decode(Int64.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(microseconds)
    }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    package static func + (time: Self, duration: Duration) -> Self {
        Timestamp(microseconds: time.microseconds.adding(duration.inMicroseconds))
    }

    package static func - (time: Self, duration: Duration) -> Self {
        Timestamp(microseconds: time.microseconds.subtracting(duration.inMicroseconds))
    }

    package static func - (later: Self, earlier: Self) -> Duration {
        .microseconds(later.microseconds.subtracting(earlier.microseconds))
    }

    /// `2026-11-20T21:55:00Z`, as Nova and Glance write times.
    package var seconds: String { text(fraction: false) + "Z" }

    /// `2026-11-20T21:55:00.000000Z`, as Keystone writes them.
    package var description: String { text(fraction: true) + "Z" }

    /// `2026-11-20T21:55:00.000000`, as Nova writes times of actions, services and launches: no zone.
    package var withoutZone: String { text(fraction: true) }

    /// The years that four digits can write; what lies beyond is written as the first or the last moment of them.
    private static let written = -62_167_219_200_000_000...253_402_300_799_999_999 as ClosedRange<Int64>

    private func text(fraction: Bool) -> String {
        let microseconds = min(max(microseconds, Self.written.lowerBound), Self.written.upperBound)
        let second = (microseconds - (microseconds < 0 ? 999_999 : 0)) / 1_000_000
        var (days, rest) = second.quotientAndRemainder(dividingBy: 86_400)
        if rest < 0 {
            days -= 1
            rest += 86_400
        }
        // Civil date from a day count: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthPart = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthPart + 2) / 5 + 1
        let month = monthPart < 10 ? monthPart + 3 : monthPart - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return String(unsafeUninitializedCapacity: 26) { out in
            func put(_ value: Int64, at start: Int, digits: Int) {
                var value = value
                for place in stride(from: start + digits - 1, through: start, by: -1) {
                    out[place] = UInt8(48 + value % 10)
                    value /= 10
                }
            }
            put(year, at: 0, digits: 4)
            out[4] = UInt8(ascii: "-")
            put(month, at: 5, digits: 2)
            out[7] = UInt8(ascii: "-")
            put(day, at: 8, digits: 2)
            out[10] = UInt8(ascii: "T")
            put(rest / 3600, at: 11, digits: 2)
            out[13] = UInt8(ascii: ":")
            put(rest / 60 % 60, at: 14, digits: 2)
            out[16] = UInt8(ascii: ":")
            put(rest % 60, at: 17, digits: 2)
            guard fraction else { return 19 }
            out[19] = UInt8(ascii: ".")
            put(microseconds - second * 1_000_000, at: 20, digits: 6)
            return 26
        }
    }
}

extension Duration {
    /// Whole microseconds, rounded towards zero.
    package var inMicroseconds: Int64 {
        let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return components.seconds > 0 ? .max : .min }
        return whole.adding(components.attoseconds / 1_000_000_000_000)
    }

    /// Whole milliseconds, rounded towards zero.
    package var inMilliseconds: Int64 { inMicroseconds / 1_000 }
}
