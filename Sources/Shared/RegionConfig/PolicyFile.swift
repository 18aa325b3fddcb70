/// An operator's `policy.yaml` for one service, in oslo.policy's form: names of rules and checks.
///
///     # Tenants may look at their servers and make none.
///     "os_compute_api:servers:create": "rule:admin_required"
///
/// What the rules and checks mean is for the service to say; `wrong` puts its objection where it belongs.
package struct PolicyFile: Sendable, Equatable {
    package let file: String
    package let rules: [String: String]
    private let lines: [String: Int]

    /// Throws `ConfigurationError` with the file, the line and the key for what is no mapping of names to text, also for the lists of
    /// lists that oslo.policy once took.
    static func load(_ path: String) throws -> PolicyFile {
        try read(try Section(file: path, mayBeEmpty: true), path)
    }

    static func parse(_ text: String, file: String) throws -> PolicyFile {
        try read(try Section(text: text, file: file, mayBeEmpty: true), file)
    }

    private static func read(_ section: Section, _ file: String) throws -> PolicyFile {
        let texts = try section.textsByKey()
        return PolicyFile(file: file, rules: texts.mapValues(\.text), lines: texts.compactMapValues(\.line))
    }

    /// The error for a rule that the service won't take; without a line if it isn't one of this file's.
    package func wrong(_ rule: String, _ sentence: String) -> ConfigurationError {
        ConfigurationError(file: file, line: lines[rule], key: rule, sentence: sentence)
    }
}
