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
}
