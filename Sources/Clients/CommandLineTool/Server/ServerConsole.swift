import ArgumentParser
import CloudClient

struct ServerConsole: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "What the guest wrote to its console.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String
    @Option(help: "Only the last lines.") var lines: Int?

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let id = try await cloud.findServer(server).id
        let arguments: JSON = .object(lines.map { ["length": .int($0)] } ?? [:])
        let answer = try await cloud.act("os-getConsoleOutput", arguments, on: id)
        let text = answer["output"]?.string ?? ""
        switch output.format {
        case .json: output.record([("output", .string(text))])
        case .table, .value: output.write(text)
        }
    }
}
