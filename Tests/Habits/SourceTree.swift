import Foundation

/// The files of this package as they lie on disk.
enum SourceTree {
    struct File: Sendable {
        /// From the package's root: `Sources/Shared/Feeds/FeedLog.swift`.
        let path: String
        let lines: [Substring]

        /// `["Sources", "Shared", "Feeds", "FeedLog.swift"]`.
        var parts: [Substring] { path.split(separator: "/") }
        var folder: String { String(parts[1]) }
        var module: String { String(parts[2]) }
        var name: String { String(parts.last?.dropLast(6) ?? "") }

        /// Its `import` lines: access, module, line number.
        var imports: [(access: String, module: String, line: Int)] {
            lines.enumerated().compactMap { number, line in
                var words = line.split(separator: " ")
                while let word = words.first, word.hasPrefix("@") { words.removeFirst() }
                var access = "internal"
                if let word = words.first, ["public", "package", "internal", "private", "fileprivate"].contains(word) {
                    access = String(words.removeFirst())
                }
                guard words.first == "import", words.count >= 2 else { return nil }
                // `import struct Foundation.Data`
                let name = words.count > 2 && !words[1].contains("/") && words[2] != "//" ? words[2] : words[1]
                return (access, String(name.prefix { $0 != "." }), number + 1)
            }
        }

        /// Its lines without comments and without what stands in quotes.
        var code: [(line: Int, text: String)] {
            var result: [(Int, String)] = []
            var isInLongText = false
            for (number, line) in lines.enumerated() {
                if line.contains("\"\"\"") {
                    isInLongText.toggle()
                    continue
                }
                if isInLongText || line.drop(while: { $0 == " " }).hasPrefix("//") { continue }
                var text = ""
                var isInText = false
                var before: Character = " "
                for character in line {
                    if character == "\"", before != "\\" { isInText.toggle() }
                    if !isInText, character == "/", before == "/" {
                        text.removeLast()
                        break
                    }
                    if !isInText { text.append(character) }
                    before = character
                }
                result.append((number + 1, text))
            }
            return result
        }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func swiftFiles(under folder: String) -> [File] {
        let base = root.appending(path: folder).resolvingSymlinksInPath()
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            guard let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8) else { return nil }
            return File(path: "\(folder)/\(path)", lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        }
    }

    static let sources = swiftFiles(under: "Sources")
    static let tests = swiftFiles(under: "Tests")
}
