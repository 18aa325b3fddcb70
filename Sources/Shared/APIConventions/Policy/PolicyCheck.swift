package import CloudModel

/// A check in oslo.policy's language: `role:admin or (role:member and project_id:%(project_id)s)`.
///
/// Grammar: `or`, `and`, `not`, parentheses, `@` (always), `!` (never), `rule:<name>`, `role:<name>`, and `<left>:<right>` where
/// left is an attribute of the caller or a quoted literal and right is a literal or `%(<attribute of the target>)s`.
package indirect enum PolicyCheck: Sendable, Equatable {
    case always
    case never
    case role(String)
    case rule(String)
    case matches(left: Operand, right: Operand)
    case not(PolicyCheck)
    case all([PolicyCheck])
    case any([PolicyCheck])

    package enum Operand: Sendable, Equatable {
        case caller(String)
        case target(String)
        case literal(String)
    }

    /// Reads a check. An empty text means always, as in oslo.policy. Throws `badRequest` with what stands where it shouldn't.
    package init(parsing text: String) throws(CloudError) {
        var parser = PolicyParser(text)
        self = try parser.whole()
    }
}

private struct PolicyParser {
    private let text: String
    private var tokens: ArraySlice<Substring>

    init(_ text: String) {
        self.text = text
        var tokens: [Substring] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            var word = word
            while word.first == "(" {
                tokens.append("(")
                word = word.dropFirst()
            }
            var closing = 0
            // `%(project_id)s` ends in s, so a parenthesis at the end of a word is always the grammar's.
            while word.last == ")" {
                closing += 1
                word = word.dropLast()
            }
            if !word.isEmpty { tokens.append(word) }
            for _ in 0..<closing { tokens.append(")") }
        }
        self.tokens = tokens[...]
    }

    mutating func whole() throws(CloudError) -> PolicyCheck {
        if tokens.isEmpty { return .always }
        let check = try anyOf(depth: 0)
        if let rest = tokens.first { throw problem("'\(rest)' is too much") }
        return check
    }

    private mutating func anyOf(depth: Int) throws(CloudError) -> PolicyCheck {
        guard depth < 32 else { throw problem("it is nested too deep") }
        var checks = [try allOf(depth: depth)]
        while tokens.first?.lowercased() == "or" {
            tokens.removeFirst()
            checks.append(try allOf(depth: depth))
        }
        return checks.count == 1 ? checks[0] : .any(checks)
    }

    private mutating func allOf(depth: Int) throws(CloudError) -> PolicyCheck {
        var checks = [try one(depth: depth)]
        while tokens.first?.lowercased() == "and" {
            tokens.removeFirst()
            checks.append(try one(depth: depth))
        }
        return checks.count == 1 ? checks[0] : .all(checks)
    }

    private mutating func one(depth: Int) throws(CloudError) -> PolicyCheck {
        guard let token = tokens.popFirst() else { throw problem("it ends too early") }
        switch token.lowercased() {
        case "not": return .not(try one(depth: depth + 1))
        case "(":
            let check = try anyOf(depth: depth + 1)
            guard tokens.popFirst() == ")" else { throw problem("a parenthesis isn't closed") }
            return check
        case ")", "or", "and": throw problem("'\(token)' stands where a check should")
        case "@": return .always
        case "!": return .never
        default: return try pair(token)
        }
    }

    private func pair(_ token: Substring) throws(CloudError) -> PolicyCheck {
        guard let colon = token.firstIndex(of: ":") else { throw problem("'\(token)' has no colon") }
        let left = token[..<colon]
        let right = token[token.index(after: colon)...]
        guard !left.isEmpty, !right.isEmpty else { throw problem("'\(token)' lacks a side") }
        switch left {
        case "role": return .role(right.lowercased())
        case "rule": return .rule(String(right))
        default: return .matches(left: leftOperand(left), right: rightOperand(right))
        }
    }

    private func leftOperand(_ text: Substring) -> PolicyCheck.Operand {
        if let first = text.first, first == "'" || first == "\"", text.last == first, text.count > 1 {
            return .literal(String(text.dropFirst().dropLast()))
        }
        return ["True", "False", "None"].contains(text) || text.allSatisfy(\.isNumber)
            ? .literal(String(text)) : .caller(String(text))
    }

    private func rightOperand(_ text: Substring) -> PolicyCheck.Operand {
        guard text.hasPrefix("%("), text.hasSuffix(")s") else { return .literal(String(text)) }
        return .target(String(text.dropFirst(2).dropLast(2)))
    }

    private func problem(_ what: String) -> CloudError {
        CloudError(.badRequest, "The policy \"\(text)\" can't be read: \(what).")
    }
}
