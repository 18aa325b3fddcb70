import Foundation

/// A time that a cloud wrote: microseconds since 1970, or ISO 8601 with or without a zone and a fraction.
public struct Moment: Sendable, Equatable, Comparable {
    /// Since 1970-01-01T00:00:00Z.
    public let seconds: Double

    public init(seconds: Double) { self.seconds = seconds }

    public init?(_ json: JSON) {
        if case .int(let number) = json {
            seconds = Double(number) / 1_000_000
            return
        }
        guard var text = json.string else { return nil }
        if !text.hasSuffix("Z"), !text.dropFirst(10).contains("+") { text += "Z" }
        let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let date = (try? fractional.parse(text)) ?? (try? Date.ISO8601FormatStyle().parse(text)) else { return nil }
        seconds = date.timeIntervalSince1970
    }

    public static var now: Double { Date().timeIntervalSince1970 }
    public static func < (left: Self, right: Self) -> Bool { left.seconds < right.seconds }
}
