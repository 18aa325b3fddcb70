import CloudModel

extension Timestamp {
    /// Reads `2026-11-20`, `2026-11-20T21:55:00`, with a fraction, with `Z` or an offset; without one it is UTC, as Nova takes it.
    /// Nil for anything else. A `+` that a query's decoding turned into a space is taken for what it was.
    init?(iso8601 text: String) {
        var rest = text[...]
        func digits(_ count: Int) -> Int64? {
            let part = rest.prefix(count)
            guard part.count == count, part.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            rest = rest.dropFirst(count)
            return Int64(part)
        }
        func take(_ characters: String) -> Character? {
            guard let first = rest.first, characters.contains(first) else { return nil }
            rest = rest.dropFirst()
            return first
        }
        guard let year = digits(4), take("-") != nil, let month = digits(2), (1...12).contains(month), take("-") != nil,
            let day = digits(2), (1...31).contains(day)
        else { return nil }
        var microseconds = Self.days(year: year, month: month, day: day) * 86_400_000_000
        if rest.isEmpty {
            self.init(microseconds: microseconds)
            return
        }
        guard take("T ") != nil, let hour = digits(2), hour < 24, take(":") != nil, let minute = digits(2), minute < 60
        else { return nil }
        microseconds += (hour * 3_600 + minute * 60) * 1_000_000
        if take(":") != nil {
            guard let second = digits(2), second <= 60 else { return nil }
            microseconds += second * 1_000_000
        }
        if take(".,") != nil {
            var unit: Int64 = 100_000
            var count = 0
            while let digit = digits(1) {
                microseconds += digit * unit
                unit /= 10
                count += 1
            }
            guard (1...9).contains(count) else { return nil }
        }
        if take("Zz") == nil, let sign = take("+- ") {
            guard let hours = digits(2), hours < 24 else { return nil }
            _ = take(":")
            let minutes = rest.isEmpty ? 0 : digits(2)
            guard let minutes, minutes < 60 else { return nil }
            microseconds -= (sign == "-" ? -1 : 1) * (hours * 3_600 + minutes * 60) * 1_000_000
        }
        guard rest.isEmpty else { return nil }
        self.init(microseconds: microseconds)
    }

    /// Days since 1970-01-01: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
