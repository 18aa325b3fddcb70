import ArgumentParser
import CloudClient

struct CellDrain: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Place no new servers in a cell; those there run on.")
    static let isForOperators = true
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String
    @Option(help: "Why; everybody sees it.") var reason: String?

    func run(in cloud: CloudSession, _ output: Output) async throws {
        _ = try await cloud.findCell(cell)
        _ = try await cloud.setCell(cell, disabled: true, reason: reason)
    }
}

struct CellResume: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Place servers in a drained cell again.")
    static let isForOperators = true
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        _ = try await cloud.findCell(cell)
        _ = try await cloud.setCell(cell, disabled: false, reason: nil)
    }
}
