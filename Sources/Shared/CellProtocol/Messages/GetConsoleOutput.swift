package import CloudModel

/// API process → hub → conductor → host: the tail of a guest's serial console. A question: synchronous, no row.
package struct GetConsoleOutput: CellCall {
    package static let kind = "get-console-output/1"

    package var server: ServerID
    /// The cell where the server is; the hub forwards by it.
    package var cell: CellName
    /// The last so many lines; nil: all that is kept.
    package var lines: Int?

    package struct Reply: Codable, Sendable, Hashable {
        package var output: String
        package init(output: String) { self.output = output }
    }

    package init(server: ServerID, cell: CellName, lines: Int?) {
        self.server = server
        self.cell = cell
        self.lines = lines
    }
}
