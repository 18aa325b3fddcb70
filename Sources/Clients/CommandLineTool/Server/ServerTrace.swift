import ArgumentParser
import CloudClient

struct ServerTrace: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "A server's boot step by step, with times, across the top, the cell and the host.",
        discussion: "The column Classic names the steps of OpenStack's classic boot flow (docs/life-of-a-server.md).")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Name or id.") var server: String

    func run(in cloud: CloudSession, _ output: Output) async throws {
        let trace = try await cloud.trace(of: try await cloud.findServer(server).id)
        let rows = Self.rows(trace)
        output.list(["Step", "Classic", "Place", "Start", "Duration", "Note"], rows)
        if rows.isEmpty { output.remark("Nothing was recorded yet.") }
    }

    /// In the order of their starts, which are counted from the first one's.
    static func rows(_ trace: JSON) -> [[JSON]] {
        let steps = (trace["steps"]?.array ?? []).compactMap(TraceStep.init).sorted { $0.started < $1.started }
        guard let origin = steps.first?.started else { return [] }
        return steps.map { step in
            [
                .string(step.name), .string(ranges(step.classic)), .string(step.place),
                .string("+" + Wording.milliseconds(step.started.seconds - origin.seconds)),
                .string(Wording.milliseconds(step.ended.seconds - step.started.seconds)), JSON(step.note),
            ]
        }
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
