import ArgumentParser
import CloudClient

struct CellDrift: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift", abstract: "Guests that a cell's hosts have and nobody ordered; they are kept running.")
    static let isForOperators = true
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let columns = ["Server", "Name", "Host", "Power", "Epoch", "Seen at"]
        let rows: [[JSON]] = try await cloud.drift(of: cell).map { guest in
            columns.map { guest[Output.key($0)] ?? .null }
        }
        output.list(columns, rows)
        if rows.isEmpty { output.remark("Nothing: the hosts of \(cell) have what was ordered.") }
    }
}
