import ArgumentParser
import CloudClient

struct EventWatch: CloudCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "What happens, as it happens, in order.",
        discussion: """
            Every event has a number. --after N goes on behind the event N, so that a watcher that was stopped misses nothing of
            the last day; one that was away for longer is told so. Without it only new events are shown. Their kinds are
            compute.instance.create.end and the like, cell.silent, cell.up, host.down and host.up.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Go on behind this number; 0 starts with the oldest.") var after: Int?
    @Option(help: "Stop after so many events.") var count: Int?
    @Option(help: "Only kinds that begin so, such as compute.instance.create.") var kind: String?

    /// Seconds that a question waits at the cloud for the next event.
    private static let wait = 25
    private static let page = 200

    func run(in cloud: CloudSession, _ output: Output) async throws {
        var cursor = after
        var left = count ?? Int.max
        while left > 0 {
            let isStart = cursor == nil
            let answer = try await cloud.events(after: cursor, limit: Self.page, wait: isStart ? 0 : Self.wait)
            guard let next = answer["cursor"]?.int else {
                throw CloudClientError.unreadable("The cloud's answer holds no cursor to go on from.")
            }
            cursor = next
            guard !isStart else { continue }
            for event in answer["events"]?.array ?? [] where kind.map({ event["kind"]?.string?.hasPrefix($0) ?? false }) ?? true
            {
                guard left > 0 else { return }
                left -= 1
                output.write(Self.line(event, output.format))
            }
        }
    }

    /// One line an event, so that pipes see each as it comes.
    static func line(_ event: JSON, _ format: OutputFormat) -> String {
        switch format {
        case .json: return event.text(pretty: false)
        case .table, .value:
            let details = (event["payload"]?.object ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.shown)" }
            let fields = [
                event["number"]?.shown, event["at"]?.shown, event["kind"]?.shown, event["cell"]?.shown, event["server"]?.shown,
            ]
            return (fields.map { $0 ?? "-" } + details).joined(separator: "  ")
        }
    }
}
