/// A table in openstack's style: a box of `+`, `-` and `|`.
struct Table {
    let columns: [String]
    let rows: [[String]]

    init(_ columns: [String], _ rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// Without a newline at its end. Cells with several lines make several lines.
    var text: String {
        let cells = rows.map { row in row.map { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) } }
        var widths = columns.map(Self.width)
        for row in cells {
            for (column, lines) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], lines.map(Self.width).max() ?? 0)
            }
        }
        let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "+") + "+"
        var lines = [rule, Self.line(columns, widths), rule]
        for row in cells {
            for index in 0..<(row.map(\.count).max() ?? 1) {
                lines.append(Self.line(row.map { index < $0.count ? $0[index] : "" }, widths))
            }
        }
        if !rows.isEmpty { lines.append(rule) }
        return lines.joined(separator: "\n")
    }

    private static func line(_ cells: [String], _ widths: [Int]) -> String {
        "|"
            + widths.enumerated().map { column, width in
                let text = column < cells.count ? cells[column] : ""
                return " " + text + String(repeating: " ", count: width - Self.width(text)) + " "
            }.joined(separator: "|") + "|"
    }

    /// Columns that a text takes on a terminal: wide East Asian characters and emoji take two.
    static func width(_ text: String) -> Int {
        text.reduce(0) { width, character in
            let value = character.unicodeScalars.first?.value ?? 0
            let isWide =
                (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value) || (0xAC00...0xD7A3).contains(value)
                || (0xF900...0xFAFF).contains(value) || (0xFE30...0xFE6F).contains(value) || (0xFF00...0xFF60).contains(value)
                || (0x1F300...0x1FAFF).contains(value)
            return width + (isWide ? 2 : 1)
        }
    }
}
