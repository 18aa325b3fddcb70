import Foundation

/// A moment on CLOCK_BOOTTIME, in nanoseconds: it never jumps, and counts on while the machine sleeps, so that a suspended process
/// does not believe in old contacts. Means nothing in another process.
package struct BootInstant: Comparable, Hashable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func now() -> BootInstant {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return BootInstant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    package static let distantFuture = BootInstant(nanoseconds: .max)

    package static func < (left: BootInstant, right: BootInstant) -> Bool { left.nanoseconds < right.nanoseconds }
    package static func + (instant: BootInstant, duration: Duration) -> BootInstant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return overflow ? .distantFuture : BootInstant(nanoseconds: sum)
    }
    package static func - (later: BootInstant, earlier: BootInstant) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }
}

extension Duration {
    /// Clamped to about 146 years, so that sums with the present don't overflow.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        if seconds > 4_611_686_018 { return .max / 2 }
        if seconds < -4_611_686_018 { return .min / 2 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// For options of libzmq and for the wire; rounded up, so that a wait is never too short.
    var wholeMilliseconds: Int64 {
        let nanoseconds = wholeNanoseconds
        return nanoseconds <= 0 ? 0 : (nanoseconds - 1) / 1_000_000 + 1
    }
}
