import APIConventions
import CellProtocol
import CloudModel

/// `GET /meridian/v1/cells/{cell}/drift`: guests that hosts have and nobody ordered. A question to the cell, whose database alone has
/// them: no row, and a silent cell is said to be silent at once.
struct ShowDrift: Sendable {
    let cells: CellStore
    let questions: any CellQuestions
    let regionSilent: Duration

    private static let usualPage = 100

    /// Pages with `limit` (1 to 200) and `marker`, which is `next` of the page before. Throws 404 for a cell that never joined, and 503 for
    /// one that is silent.
    func callAsFunction(_ request: NovaRequest) async throws -> [UInt8] {
        let name = CellName(try request.parameter("cell"))
        let limit = try Self.limit(request.query["limit"])
        let place = try request.query["marker"].map(Self.place)
        guard let cell = try await cells.cell(name) else {
            throw CloudError(.notFound, "There is no cell called \(name).")
        }
        guard let contact = cell.lastContact, request.received - contact < regionSilent else {
            throw CloudError(
                .unavailable,
                "The region \(name) doesn't answer at the moment, and what its hosts have is known only there. Try again later.",
                retryAfter: 5)
        }
        let page = try await questions.drift(of: name, after: place, limit: limit, request: request.id)
        var json = JSONWriter(capacity: page.strangers.count * 280 + 64)
        json.object {
            $0.array("drift") { for stranger in page.strangers { $0.object { Self.write(stranger, to: &$0) } } }
            $0.field("next", page.next.map { "\($0.host)/\($0.server)" })
        }
        return json.bytes
    }

    private static func write(_ stranger: GetDrift.Stranger, to json: inout JSONWriter) {
        json.field("server", stranger.server)
        json.field("host", stranger.host)
        json.field("name", stranger.name)
        json.field("epoch", Int(stranger.epoch.rawValue))
        json.field("power", stranger.power.name)
        json.field("seen_at", stranger.seenAt.description)
    }

    private static func limit(_ text: String?) throws(CloudError) -> Int {
        guard let text else { return usualPage }
        guard let limit = Int(text), (1...GetDrift.largestPage).contains(limit) else {
            throw CloudError(.badRequest, "limit is a number from 1 to \(GetDrift.largestPage); \(text.prefix(20)) is none.")
        }
        return limit
    }

    private static func place(_ marker: String) throws(CloudError) -> GetDrift.Place {
        let parts = marker.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.count <= 255, let server = ServerID(String(parts[1])) else {
            throw CloudError(.badRequest, "marker is the value of next in the page before, a host and a server's id.")
        }
        return GetDrift.Place(host: HostName(String(parts[0])), server: server)
    }
}
