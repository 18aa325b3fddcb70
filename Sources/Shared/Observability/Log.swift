import Foundation
package import Logging

/// The process's log: one JSON object per line, so that a person can read it and `jq` can count it.
///
/// Call ``bootstrap(program:directory:level:)`` once, first thing in a program. Tests don't call it and get swift-log's own
/// default.
package enum Log {
    /// Sends everything that `Logger` is told to `<directory>/<program>.log`, or to standard error when `directory` is nil.
    ///
    /// The file is opened for appending and kept below ``LogFile/sizeLimit`` (one older generation, `.1`, is kept beside it).
    /// When the directory can't be written, lines go to standard error: a daemon that can't log must still run.
    package static func bootstrap(program: String, directory: String?, level: Logger.Level = .info) {
        let file = LogFile(path: directory.map { "\($0)/\(program).log" })
        LoggingSystem.bootstrap { label in
            JSONLogHandler(program: program, label: label, level: level, file: file)
        }
    }
}

/// Writes one event as one line: `{"time":…,"level":…,"program":…,"logger":…,"message":…,"server":…}`.
///
/// Metadata is flattened beside the fixed keys; a metadata key that would hide a fixed one is prefixed with `meta.`.
struct JSONLogHandler: LogHandler {
    let program: String
    let label: String
    let file: LogFile
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(program: String, label: String, level: Logger.Level, file: LogFile) {
        self.program = program
        self.label = label
        self.logLevel = level
        self.file = file
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = LogLine()
        line.add("time", LogLine.now())
        line.add("level", event.level.rawValue)
        line.add("program", program)
        line.add("logger", label)
        line.add("message", event.message.description)
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        // Hummingbird's own request id would only stand beside ours.
        for (key, value) in all.sorted(by: { $0.key < $1.key }) where key != "hb.request.id" {
            line.add(Self.fixedKeys.contains(key) ? "meta.\(key)" : key, value)
        }
        file.write(line.finished())
    }

    private static let fixedKeys: Set<String> = ["time", "level", "program", "logger", "message"]
}
