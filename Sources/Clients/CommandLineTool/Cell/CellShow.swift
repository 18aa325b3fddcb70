import ArgumentParser
import CloudClient

struct CellShow: CloudCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "All that is known of a cell.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The cell's name.") var cell: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let found = try await cloud.findCell(cell)
        output.record((found.object ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }
}

extension CloudSession {
    func findCell(_ name: String) async throws -> JSON {
        let all = try await cells()
        guard let found = all.first(where: { $0["name"]?.string == name }) else {
            let known = all.compactMap { $0["name"]?.string }.joined(separator: ", ")
            throw CloudClientError.notFound("No cell is called \(name). There are: \(known).")
        }
        return found
    }
}
