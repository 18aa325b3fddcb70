import ArgumentParser
import CloudClient

struct ServerTrace: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "A server's boot step by step, with times, across the top, the cell and the host.",
        discussion: "The column Classic names the steps of OpenStack's classic boot flow (docs/life-of-a-server.md).")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String
    @Option(help: "The action's number; 1, the boot, when nothing is said.") var action: Int?

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let trace = try await cloud.trace(of: try await cloud.findServer(server).id, action: action)
        guard output.format != .json else { return output.write(trace.text(pretty: true)) }
        output.list(["Step", "Classic", "Place", "Start", "Duration", "Note"], Self.rows(trace))
        output.remark(Self.summary(trace))
    }

    /// In the order of their starts.
    static func rows(_ trace: JSON) -> [[JSON]] {
        (trace["steps"]?.array ?? []).compactMap(TraceStep.init).sorted { $0.offset < $1.offset }.map { step in
            [
                .string(step.name), .string(ranges(step.classic)), .string(step.place),
                .string("+" + Wording.exact(step.offset)),
                .string(Wording.exact(step.duration)), JSON(step.note),
            ]
        }
    }

    /// `create of t1: done in 2.250 s.`
    private static func summary(_ trace: JSON) -> String {
        let total = trace["milliseconds"]?.double.map { " in \(Wording.exact(.microseconds(Int64($0 * 1_000))))" } ?? ""
        let message = trace["message"]?.string.map { ": \($0)" } ?? ""
        return
            "\(trace["verb"]?.shown ?? "action") of \(trace["name"]?.shown ?? ""): \(trace["state"]?.shown ?? "unknown")\(total)\(message)"
    }

    /// `[6, 7, 8, 11]` → `6-8, 11`.
    static func ranges(_ numbers: [Int]) -> String {
        var pieces: [ClosedRange<Int>] = []
        for number in numbers.sorted() {
            if let last = pieces.last, last.upperBound >= number - 1 {
                pieces[pieces.count - 1] = last.lowerBound...max(last.upperBound, number)
            } else {
                pieces.append(number...number)
            }
        }
        return pieces.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
    }
}
