import CloudClient
import Foundation

/// Prints what a verb found, in the format asked for. Lists are tables; one thing is a table of its fields.
struct Output: Sendable {
    let format: OutputFormat
    /// Where it goes; tests listen here.
    let write: @Sendable (String) -> Void

    init(format: OutputFormat, write: @escaping @Sendable (String) -> Void = Output.toStandardOutput) {
        self.format = format
        self.write = write
    }

    /// A list. `columns` are headings; in JSON they become keys in lower case with underscores.
    func list(_ columns: [String], _ rows: [[JSON]]) {
        switch format {
        case .table: write(Table(columns, rows.map { $0.map(\.shown) }).text)
        case .json:
            let keys = columns.map(Self.key)
            write(JSON.array(rows.map { .object(Dictionary(zip(keys, $0), uniquingKeysWith: { $1 })) }).text(pretty: true))
        case .value:
            for row in rows { write(row.map(\.shown).joined(separator: "\t")) }
        }
    }

    /// One thing.
    func record(_ fields: [(String, JSON)]) {
        switch format {
        case .table: write(Table(["Field", "Value"], fields.map { [$0.0, $0.1.shown] }).text)
        case .json:
            write(JSON.object(Dictionary(fields.map { (Self.key($0.0), $0.1) }, uniquingKeysWith: { $1 })).text(pretty: true))
        case .value:
            for field in fields { write(field.1.shown) }
        }
    }

    /// A remark for people; not part of the result.
    func remark(_ text: String) {
        switch format {
        case .table: write(text)
        case .json, .value: break
        }
    }

    /// Unbuffered, so that a pipe sees each line as it comes. When nobody reads any more there is nothing left to do.
    static let toStandardOutput: @Sendable (String) -> Void = { text in
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        } catch {
            exit(ExitStatus.done.rawValue)
        }
    }

    /// A heading as a key of JSON.
    static func key(_ column: String) -> String {
        String(column.lowercased().map { $0 == " " ? "_" : $0 })
    }
}
