import CloudModel
import Foundation
import Yams

/// One mapping of a YAML file while it is read: hands out typed values, remembers which keys were asked for, and refuses the
/// others. A reader asks for every key it knows and calls `end()` last.
struct Section {
    private let file: String
    private let path: [String]
    private let mapping: Node.Mapping
    private let line: Int?
    private var known: Set<String> = []

    /// Reads a whole file, which holds something unless it `mayBeEmpty`. Throws `ConfigurationError` for a missing file, one over the
    /// limit, and malformed YAML.
    init(file: String, mayBeEmpty: Bool = false) throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ConfigurationError(file: file, line: nil, key: "", sentence: "The file can't be read.")
        }
        guard data.count <= Section.largestFile, let text = String(bytes: data, encoding: .utf8) else {
            throw ConfigurationError(
                file: file, line: nil, key: "", sentence: "The file must be UTF-8 text of at most \(Section.largestFile) bytes."
            )
        }
        try self.init(text: text, file: file, mayBeEmpty: mayBeEmpty)
    }

    /// A megabyte: thousands of hosts fit, and a wrong path to something huge is noticed before it is parsed.
    private static let largestFile = 1 << 20

    init(text: String, file: String, mayBeEmpty: Bool = false) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw error.located(in: file)
        }
        if mayBeEmpty, root == nil {
            self.init(Node.Mapping([]), line: nil, path: [], file: file)
            return
        }
        guard let root, let mapping = root.mapping else {
            throw ConfigurationError(
                file: file, line: root?.mark?.line ?? 1, key: "", sentence: "The file must hold keys and values.")
        }
        self.init(mapping, line: root.mark?.line, path: [], file: file)
    }

    private init(_ mapping: Node.Mapping, line: Int?, path: [String], file: String) {
        self.mapping = mapping
        self.line = line
        self.path = path
        self.file = file
    }

    /// Refuses keys that nobody asked for.
    func end() throws {
        for (key, _) in mapping where !known.contains(key.string ?? "") {
            let allowed = known.sorted().joined(separator: ", ")
            throw ConfigurationError(
                file: file, line: key.mark?.line, key: joined(key.string ?? "?"),
                sentence: "This key is not known here; known are \(allowed).")
        }
    }

    mutating func has(_ key: String) -> Bool {
        known.insert(key)
        return mapping[key] != nil
    }

    func isSection(_ key: String) -> Bool { mapping[key]?.mapping != nil }

    mutating func section<Value>(_ key: String, _ read: (inout Section) throws -> Value) throws -> Value {
        try section(key, of: try node(key), read)
    }

    mutating func optionalSection<Value>(_ key: String, _ read: (inout Section) throws -> Value) throws -> Value? {
        has(key) ? try section(key, read) : nil
    }

    mutating func text(_ key: String) throws -> String {
        let node = try node(key)
        guard let text = node.scalar?.string, !text.isEmpty else { throw wrong(key, node, "Text is expected here.") }
        return text
    }

    mutating func optionalText(_ key: String) throws -> String? { has(key) ? try text(key) : nil }

    /// Text that is a `PlainName`.
    mutating func name(_ key: String) throws -> String {
        let text = try text(key)
        guard PlainName.fits(text) else { throw wrong(key, "A name is \(PlainName.rule).") }
        return text
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int>, what: String) throws -> Int {
        let node = try node(key)
        guard node.tag.rawValueIs(.int), let value = node.int, range.contains(value) else {
            throw wrong(key, node, "\(what) is a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }

    mutating func port(_ key: String) throws -> Int { try integer(key, in: 1...65_535, what: "A port") }

    mutating func number(_ key: String, in range: ClosedRange<Double>, what: String) throws -> Double {
        let node = try node(key)
        guard let value = node.number, range.contains(value) else {
            throw wrong(key, node, "\(what) is a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }

    mutating func flag(_ key: String) throws -> Bool {
        let node = try node(key)
        guard node.tag.rawValueIs(.bool), let value = node.bool else {
            throw wrong(key, node, "true or false is expected here.")
        }
        return value
    }

    /// One of the cases of an enumeration, by its raw value.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, of type: Choice.Type = Choice.self) throws
        -> Choice
    where Choice.RawValue == String {
        let node = try node(key)
        return try choice(key, node)
    }

    mutating func choices<Choice: RawRepresentable & CaseIterable>(_ key: String, of type: Choice.Type = Choice.self) throws
        -> [Choice]
    where Choice.RawValue == String {
        try nodes(key).enumerated().map { try choice("\(key)[\($0.offset)]", $0.element) }
    }

    mutating func texts(_ key: String) throws -> [String] {
        try nodes(key).enumerated().map { index, node in
            guard let text = node.scalar?.string, !text.isEmpty else {
                throw wrong("\(key)[\(index)]", node, "Text is expected here.")
            }
            return text
        }
    }

    mutating func optionalTexts(_ key: String) throws -> [String] { has(key) ? try texts(key) : [] }

    mutating func sections<Value>(_ key: String, _ read: (inout Section) throws -> Value) throws -> [Value] {
        try nodes(key).enumerated().map { try section("\(key)[\($0.offset)]", of: $0.element, read) }
    }

    /// A list whose elements are either a name, or one name with a number: `[spread, {image_locality: 2.0}]`. A bare name has 1.
    mutating func weighted<Choice: RawRepresentable & CaseIterable>(_ key: String, of type: Choice.Type = Choice.self) throws
        -> [(Choice, Double)]
    where Choice.RawValue == String {
        try nodes(key).enumerated().map { index, node in
            let place = "\(key)[\(index)]"
            guard let pair = node.mapping else { return (try choice(place, node), 1) }
            guard pair.count == 1, let (name, multiplier) = pair.first.map({ ($0.key, $0.value) }),
                let value = multiplier.number
            else {
                throw wrong(place, node, "A name, or one name with a number, is expected here.")
            }
            return (try choice(place, name), value)
        }
    }

    /// Every key of a mapping of text, which may be empty, with the line where it stands.
    func textsByKey() throws -> [String: (text: String, line: Int?)] {
        var texts: [String: (text: String, line: Int?)] = [:]
        for (key, value) in mapping {
            guard let name = key.scalar?.string, !name.isEmpty else {
                throw ConfigurationError(file: file, line: key.mark?.line, key: "", sentence: "A name is expected here.")
            }
            guard let text = value.scalar?.string, !value.tag.rawValueIs(.null) else {
                throw wrong(name, value, "Text is expected here, in quotes.")
            }
            texts[name] = (text, key.mark?.line)
        }
        return texts
    }

    /// The error for a value that is of the right type and still wrong.
    func wrong(_ key: String, _ sentence: String) -> ConfigurationError { wrong(key, mapping[key], sentence) }

    /// The same for a key further down, `compute_host.hosts[0].zone`; one that isn't written is told at the section above it.
    func wrong(at place: String, _ sentence: String) -> ConfigurationError {
        var node = Node.mapping(mapping)
        for part in place.split(whereSeparator: { ".[]".contains($0) }) {
            guard
                let next = Int(part).flatMap({ index in node.sequence?.dropFirst(index).first }) ?? node.mapping?[String(part)]
            else { break }
            node = next
        }
        return ConfigurationError(file: file, line: node.mark?.line ?? line, key: joined(place), sentence: sentence)
    }

    private func wrong(_ key: String, _ node: Node?, _ sentence: String) -> ConfigurationError {
        ConfigurationError(file: file, line: node?.mark?.line ?? line, key: joined(key), sentence: sentence)
    }

    private func section<Value>(_ key: String, of node: Node, _ read: (inout Section) throws -> Value) throws -> Value {
        guard let mapping = node.mapping else { throw wrong(key, node, "Keys and values are expected here.") }
        var section = Section(mapping, line: node.mark?.line, path: path + [key], file: file)
        let value = try read(&section)
        try section.end()
        return value
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ node: Node) throws -> Choice
    where Choice.RawValue == String {
        guard let text = node.scalar?.string, let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong(key, node, "One of \(known) is expected here.")
        }
        return choice
    }

    private mutating func nodes(_ key: String) throws -> [Node] {
        let node = try node(key)
        guard let sequence = node.sequence else { throw wrong(key, node, "A list is expected here.") }
        return Array(sequence)
    }

    private mutating func node(_ key: String) throws -> Node {
        guard has(key), let node = mapping[key] else { throw wrong(key, nil, "This key is missing.") }
        return node
    }

    private func joined(_ key: String) -> String { (path + [key]).joined(separator: ".") }
}

extension Node {
    /// A whole or broken number; text that merely looks like one because it was quoted is refused.
    fileprivate var number: Double? {
        guard tag.rawValueIs(.int) || tag.rawValueIs(.float) else { return nil }
        return float ?? int.map(Double.init)
    }
}

extension Tag {
    fileprivate func rawValueIs(_ name: Tag.Name) -> Bool { description == name.rawValue }
}

extension YamlError {
    /// libyaml's own words with the file and line in front, without its drawing of the place.
    fileprivate func located(in file: String) -> ConfigurationError {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ConfigurationError(file: file, line: mark.line, key: "", sentence: "This is not YAML: \(problem).")
        case .duplicatedKeysInMapping(let keys, let context):
            ConfigurationError(
                file: file, line: context.mark.line, key: keys.sorted().joined(separator: ", "),
                sentence: "This key stands here twice.")
        case .no, .memory, .reader, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            ConfigurationError(file: file, line: nil, key: "", sentence: "This is not YAML: \(self).")
        }
    }
}
