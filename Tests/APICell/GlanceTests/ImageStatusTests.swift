import Testing

@testable import Glance

@Suite struct ImageStatusTests {
    @Test func onlyLegalTransitionsAreAllowed() {
        let legal: [String] = ImageStatus.allCases.flatMap { status in
            ImageStatus.Change.allCases.compactMap { change in status.after(change).map { "\(status) \(change) \($0)" } }
        }
        #expect(
            legal == [
                "queued beginUpload saving", "queued delete deleted", "saving completeUpload active",
                "saving failUpload killed",
                "saving delete deleted", "active deactivate deactivated", "active reactivate active", "active delete deleted",
                "killed delete deleted", "deactivated deactivate deactivated", "deactivated reactivate active",
                "deactivated delete deleted",
            ])
    }

    @Test func originsAreThoseThatAChangeMayStartFrom() {
        #expect(ImageStatus.origins(of: .beginUpload) == [.queued])
        #expect(ImageStatus.origins(of: .delete) == [.queued, .saving, .active, .killed, .deactivated])
    }

    @Test(arguments: [
        ("bytes=0-9", ByteRange(start: 0, count: 10)), ("bytes=90-", ByteRange(start: 90, count: 10)),
        ("bytes=-5", ByteRange(start: 95, count: 5)), ("bytes=-500", ByteRange(start: 0, count: 100)),
        ("bytes=90-500", ByteRange(start: 90, count: 10)), ("bytes=0-1,5-6", nil), ("lines=1-2", nil), ("bytes=x-", nil),
        ("bytes=9-1", nil),
    ])
    func aRangeIsReadAsTheRFCSays(_ header: String, _ range: ByteRange?) throws {
        #expect(try ByteRange.parse(header, size: 100) == range)
    }
}
