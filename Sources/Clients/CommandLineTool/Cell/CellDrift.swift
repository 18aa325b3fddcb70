import ArgumentParser
import CloudClient

struct CellDrift: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Where what a cell found differs from what it was told: unknown guests, missing servers.")
    static let isForOperators = true
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let rows: [[JSON]] = try await cloud.drift(of: cell).map {
            [$0["kind"] ?? .null, $0["server"] ?? .null, $0["host"] ?? .null, $0["detail"] ?? .null]
        }
        output.list(["Kind", "Server", "Host", "Detail"], rows)
        if rows.isEmpty { output.remark("Nothing: \(cell) finds what it was told.") }
    }
}
