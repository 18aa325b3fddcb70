import CloudClient

/// How durations and freshness read.
enum Wording {
    /// `2 s ago`, `stale 40 s`; nothing when nobody knows.
    static func freshness(_ age: Duration?, isStale: Bool) -> String {
        guard let age else { return isStale ? "stale" : "" }
        return isStale ? "stale \(span(age))" : "\(span(age)) ago"
    }

    /// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`.
    static func span(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        return switch seconds {
        case ..<1: "\(rounded(seconds, tenths: true)) s"
        case ..<90: "\(Int(seconds.rounded())) s"
        case ..<5_400: "\(Int((seconds / 60).rounded())) min"
        case ..<172_800: "\(Int((seconds / 3_600).rounded())) h"
        default: "\(Int((seconds / 86_400).rounded())) d"
        }
    }

    /// `4.2 ms`, `1.250 s`: for timelines.
    static func exact(_ duration: Duration) -> String {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
        if abs(seconds) < 1 { return "\(rounded(seconds * 1_000, tenths: true)) ms" }
        let thousandths = Int((seconds * 1_000).rounded())
        let fraction = String(1_000 + abs(thousandths) % 1_000).dropFirst()
        return "\(thousandths / 1_000).\(fraction) s"
    }

    private static func rounded(_ value: Double, tenths: Bool) -> String {
        let scaled = Int((value * 10).rounded())
        return scaled % 10 == 0 ? String(scaled / 10) : "\(scaled < 0 ? "-" : "")\(abs(scaled) / 10).\(abs(scaled) % 10)"
    }
}

extension JSON {
    init(_ text: String?) { self = text.map(JSON.string) ?? .null }
    init(_ number: Int?) { self = number.map(JSON.int) ?? .null }
}
