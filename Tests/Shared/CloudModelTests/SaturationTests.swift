import CloudModel
import Foundation
import Testing

/// Numbers of other machines: the worst of them give a wrong sum, never a trap.
@Suite struct SaturationTests {
    private let first = Timestamp(microseconds: .min)
    private let last = Timestamp(microseconds: .max)
    private let now = Timestamp.now()

    @Test func timesEndAtTheFirstAndTheLastMoment() {
        #expect(last + .seconds(1) == last)
        #expect(first - .seconds(1) == first)
        #expect(now + .seconds(Int64.max) == last)
        #expect(last - first == .microseconds(Int64.max))
        #expect(first - now == .microseconds(Int64.min))
        #expect(Timestamp(Date.distantFuture).microseconds > 0)
        #expect(Timestamp(Date(timeIntervalSince1970: .infinity)) == last)
        #expect(Timestamp(Date(timeIntervalSince1970: -.infinity)) == first)
    }

    @Test func timesBeyondFourDigitYearsAreWrittenAsTheNearestThatAreNot() {
        #expect(first.description == "0000-01-01T00:00:00.000000Z")
        #expect(last.seconds == "9999-12-31T23:59:59Z")
        #expect(last.withoutZone.hasPrefix("9999-12-31T23:59:59"))
    }

    @Test func sizesStopAtTheLargestNumber() {
        let huge = ResourceSize(vcpus: .max, ram: .max, disk: .max)
        let tiny = ResourceSize(vcpus: .min, ram: .min, disk: .min)
        #expect(huge + huge == huge)
        #expect(tiny - huge == tiny)
        #expect(huge - tiny == huge)
        #expect(huge + tiny == ResourceSize(vcpus: -1, ram: -1, disk: -1))
    }

    @Test func textsAreCutBetweenCharacters() {
        #expect("short".storable(atMost: 5) == "short")
        #expect("éé".storable(atMost: 3) == "é")
        #expect("a\0b".storable(atMost: 100) == "ab")
        #expect("😀".storable(atMost: 3) == "")
    }
}
