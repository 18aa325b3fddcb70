import ArgumentParser
import CloudClient
import Foundation

/// Options that every verb takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(name: .customLong("os-cloud"), help: "The cloud in clouds.yaml; default: OS_CLOUD, or meridian.")
    var cloud: String?

    @Option(name: .customLong("os-region-name"), help: "The region whose endpoints are used.")
    var region: String?

    @Option(name: .shortAndLong, help: "How to print: table, json or value.")
    var format: OutputFormat = .table

    @Flag(help: "Show every HTTP exchange, with secrets masked, on standard error.")
    var debug = false

    /// The options that may stand before the verb too; ArgumentParser wants them after it.
    static func movedToTheEnd(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let first = rest.first, first.hasPrefix("-") {
            switch first {
            case "--debug":
                leading.append(String(rest.removeFirst()))
            case "--os-cloud", "--os-region-name", "--format", "-f":
                guard rest.count > 1 else { return arguments }
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            case _ where first.hasPrefix("--os-cloud=") || first.hasPrefix("--os-region-name=") || first.hasPrefix("--format="):
                leading.append(String(rest.removeFirst()))
            default: return arguments
            }
        }
        guard !leading.isEmpty else { return arguments }
        // Behind `--` everything is a plain argument.
        if let end = rest.firstIndex(of: "--") { return rest[..<end] + leading + rest[end...] }
        return rest + leading
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, value
}

/// A verb that talks to a cloud: it gets a session that is closed behind it, and a place to print.
protocol CloudCommand: AsyncParsableCommand {
    var global: GlobalOptions { get }
    /// Whether it takes an administrator.
    static var isForOperators: Bool { get }
    func run(in cloud: CloudSession, _ output: Output) async throws
}

extension CloudCommand {
    static var isForOperators: Bool { false }

    func run() async throws {
        let reader = SettingsReader(
            environment: ProcessInfo.processInfo.environment, workingDirectory: FileManager.default.currentDirectoryPath)
        let settings = try reader.settings(
            CloudOptions(cloud: global.cloud, region: global.region, isForOperators: Self.isForOperators))
        let cloud = CloudSession(settings, observer: global.debug ? Self.showExchange : nil)
        do {
            try await run(in: cloud, Output(format: global.format))
        } catch {
            await cloud.close()
            throw error
        }
        await cloud.close()
    }

    private static var showExchange: CloudSession.Observer {
        { exchange in FileHandle.standardError.write(Data((exchange.transcript + "\n\n").utf8)) }
    }
}
