import APIConventions
import CloudModel

/// `GET /meridian/v1/events?after=N`: what happened, in order, with a cursor to resume from. Tenants see their own project's.
struct WatchEvents: Sendable {
    let store: EventStore
    let news: SharedBell

    static let largestPage = 1_000
    /// A longer wait would meet proxies' and clients' own timeouts.
    static let longestWait = 30
    /// How often a waiting request looks without having been woken: so late is what nobody told of, or whose word was lost. Shorter costs
    /// queries for nothing.
    static let lookEvery = Duration.seconds(1)

    /// With `wait=seconds`, an answer without events is held back until there are some or the time is over. Without `after` it says
    /// only where the feed stands, so that a watcher can begin with what happens next; 0 begins with the oldest that is kept. A cursor
    /// behind which events have been forgotten is refused: whoever holds it has missed some.
    func callAsFunction(_ request: NovaRequest) async throws -> [UInt8] {
        let query = request.query
        let limit = try Self.number(query, "limit", in: 1...Self.largestPage) ?? Self.largestPage
        let wait = try Self.number(query, "wait", in: 0...Self.longestWait) ?? 0
        guard let after = try Self.number(query, "after", in: 0...Int.max) else {
            return Self.write([], cursor: try await store.last())
        }
        let project = request.caller.isAdmin ? nil : request.project
        let forgotten = try await store.forgottenThrough()
        guard after == 0 || after >= forgotten else {
            throw CloudError(
                .gone,
                "Events up to number \(forgotten) are no longer kept, and \(after) is before it. List what there is, then go on from \(forgotten)."
            )
        }
        let deadline = ContinuousClock.now + .seconds(wait)
        while true {
            let isLast = ContinuousClock.now >= deadline
            let heard = news.rings
            // Read before the events: whatever has a number up to it is seen by the next query. So the cursor of a project in which nothing
            // happens moves on, and isn't forgotten.
            let reached = isLast ? try await store.last() : 0
            let events = try await store.events(after: Int64(after), of: project, limit: limit)
            if isLast || !events.isEmpty {
                return Self.write(events, cursor: events.last?.number ?? max(Int64(after), reached))
            }
            await news.wait(after: heard, atMost: min(Self.lookEvery, deadline - .now))
            try Task.checkCancellation()
        }
    }

    private static func number(_ query: QueryItems, _ name: String, in range: ClosedRange<Int>) throws(CloudError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw CloudError(
                .badRequest, "\(name) is a number from \(range.lowerBound) to \(range.upperBound); it was \(text.prefix(20)).")
        }
        return number
    }

    private static func write(_ events: [EventRecord], cursor: Int64) -> [UInt8] {
        var json = JSONWriter(capacity: events.count * 320 + 64)
        json.object {
            $0.array("events") {
                for event in events {
                    $0.object {
                        $0.field("number", event.number)
                        $0.field("at", event.at.description)
                        $0.field("kind", event.kind)
                        $0.field("project", event.project)
                        $0.field("server", event.server)
                        $0.field("cell", event.cell)
                        $0.field("payload", rawJSON: event.payload)
                    }
                }
            }
            $0.field("cursor", cursor)
        }
        return json.bytes
    }
}
