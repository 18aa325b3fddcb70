/// What is wrong with a configuration file, and where: the operator reads this line and knows what to change.
///
/// Printed as `regions/tunis/region.yml:12: child_cell.ports.agents_control: A port is a whole number from 1 to 65535.`
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The path as it was given to `load`.
    package let file: String
    /// Counted from 1; nil when the file could not be read at all.
    package let line: Int?
    /// The keys from the top of the file, joined by dots; empty for the file as a whole.
    package let key: String
    /// A sentence: what is expected here.
    package let sentence: String

    package init(file: String, line: Int?, key: String, sentence: String) {
        self.file = file
        self.line = line
        self.key = key
        self.sentence = sentence
    }

    package var description: String {
        var place = file
        if let line { place += ":\(line)" }
        return key.isEmpty ? "\(place): \(sentence)" : "\(place): \(key): \(sentence)"
    }
}
