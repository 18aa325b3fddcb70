import Foundation
import Testing

/// What we don't do in the product's code.
@Suite struct HabitTests {
    /// More than this and a file tells two stories.
    static let mostLines = 400

    @Test func noFileIsLongerThanAStory() {
        for file in SourceTree.sources + SourceTree.tests where file.lines.count > Self.mostLines {
            Issue.record("\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func nothingIsLeftForLater() throws {
        let later = try Regex(#"\b(TODO|FIXME|XXX|HACK)\b"#)
        for file in SourceTree.sources {
            for (number, line) in file.lines.enumerated() where line.contains(later) {
                Issue.record("\(file.path):\(number + 1): \(line)")
            }
        }
    }

    /// What ends the process or its thread where an error, a row or a reconciler belongs (`precondition` for broken contracts is allowed);
    /// and waiting for a time instead of for what is waited for. The test kit may: it kills and holds up what is tested.
    @Test func nothingEndsTheProcessOrBlocksIt() throws {
        let forbidden = try Regex(#"(^|[^A-Za-z_.])(fatalError|abort|u?sleep|nanosleep)\((?!&)|Thread\.sleep|\btry!|\bas!"#)
        for file in SourceTree.sources where file.folder != "System" && file.folder != "TestKit" {
            for (line, text) in file.code where text.contains(forbidden) && !text.contains("func ") {
                Issue.record("\(file.path):\(line): \(text)")
            }
        }
    }

    /// One lock for all: ThreadSanitizer reports false races on the standard library's.
    @Test func whatIsSharedIsBehindOurLock() throws {
        let mutex = try Regex(#"\bMutex\b"#)
        for file in SourceTree.sources where file.name != "Lock" {
            for (line, text) in file.code where text.contains(mutex) { Issue.record("\(file.path):\(line): \(text)") }
        }
    }

    /// If you reach for one of these, the noun is still missing.
    static let hollowWords = "(Utility|Utilities|Utils?|Helpers?|Manager|Misc|Common|Types|Stuff)"

    @Test func namesSayWhatThingsAre() throws {
        let hollow = try Regex(#"\b(struct|class|enum|actor|protocol) [A-Za-z0-9]*"# + Self.hollowWords + #"\b"#)
        let hollowName = try Regex(Self.hollowWords + "$")
        for file in SourceTree.sources + SourceTree.tests {
            if file.name.contains(hollowName) { Issue.record("\(file.path) hides a noun") }
            for (line, text) in file.code where text.contains(hollow) { Issue.record("\(file.path):\(line): \(text)") }
        }
    }

    @Test func testsStandWhereWhatTheyTestStands() {
        let modules = Set(SourceTree.sources.map { "\($0.folder)/\($0.module)Tests" })
        let folders = Set(SourceTree.sources.map(\.folder))
        for file in SourceTree.tests where folders.contains(file.folder) && !modules.contains("\(file.folder)/\(file.module)") {
            Issue.record("\(file.path) tests no module of that name")
        }
    }

    /// An operator who overrides a rule that nobody asks for would believe himself obeyed.
    @Test func everyRuleOfNovaIsAskedForAndHasADefault() throws {
        let rule = try Regex(#""((?:os_compute_api|meridian):[a-z0-9:_-]+)""#)
        func rules(_ files: [SourceTree.File]) -> Set<Substring> {
            Set(files.flatMap(\.lines).flatMap { $0.matches(of: rule).compactMap { $0.output[1].substring } })
        }
        let nova = SourceTree.sources.filter { $0.module == "Nova" }
        let defaults = rules(nova.filter { $0.name == "NovaPolicy" })
        #expect(defaults.count > 50)
        #expect(rules(nova.filter { $0.name != "NovaPolicy" }) == defaults)
    }

    @Test func placeholdersAreGone() {
        for file in SourceTree.sources where file.name == "Placeholder" { Issue.record("\(file.path)") }
    }
}
