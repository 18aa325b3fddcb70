import ArgumentParser
import CloudClient

struct ServerExplain: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Which cells and hosts were considered for a server, and why not the others.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let explanation = try await cloud.explanation(of: try await cloud.findServer(server).id)
        switch output.format {
        case .json: output.write(explanation.text(pretty: true))
        case .table, .value:
            let attempts = Self.attempts(explanation)
            output.list(["Cell", "Outcome", "Host", "Weight", "Why"], attempts.map(Self.row))
            let hosts = attempts.flatMap(Self.hostRows)
            if !hosts.isEmpty { output.list(["Cell", "Host", "Verdict", "Detail"], hosts) }
            if let verdict = explanation["verdict"]?.string { output.remark(verdict) }
            if attempts.isEmpty { output.remark("No cell was considered yet.") }
        }
    }

    private static func attempts(_ explanation: JSON) -> [PlacementAttempt] {
        (explanation["attempts"]?.array ?? []).map(PlacementAttempt.init)
    }

    private static func row(_ attempt: PlacementAttempt) -> [JSON] {
        var why = attempt.reason.map { [$0] } ?? []
        if let considered = attempt.considered {
            why.append("\(considered) hosts considered, \(considered - attempt.removed.values.reduce(0, +)) fitted")
        }
        for (rule, count) in attempt.removed.sorted(by: { $0.key < $1.key }) { why.append("\(rule) removed \(count)") }
        return [
            .string(attempt.cell), .string(words(attempt.outcome)), JSON(attempt.host),
            attempt.weight.map { .string(rounded($0)) } ?? .null,
            .string(why.joined(separator: "; ")),
        ]
    }

    private static func hostRows(_ attempt: PlacementAttempt) -> [[JSON]] {
        let ranked = attempt.ranked.enumerated().map { index, host -> [JSON] in
            [
                .string(attempt.cell), .string(host), .string(host == attempt.host ? "chosen" : "fitted, rank \(index + 1)"),
                .null,
            ]
        }
        let removed = attempt.examples.map { example -> [JSON] in
            [.string(attempt.cell), .string(example.host), .string("removed by \(example.rule)"), .string(example.detail)]
        }
        return ranked + removed
    }

    /// `noRoom` → `no room`.
    static func words(_ outcome: String) -> String {
        outcome.reduce(into: "") { $0 += $1.isUppercase ? " \($1.lowercased())" : String($1) }
    }

    private static func rounded(_ weight: Double) -> String {
        let hundredths = Int((weight * 100).rounded())
        return "\(hundredths < 0 ? "-" : "")\(abs(hundredths) / 100)." + String(100 + abs(hundredths) % 100).dropFirst()
    }
}
