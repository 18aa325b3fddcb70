internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Foundation
internal import Logging
internal import Messaging
internal import Observability

/// The feed down: tells each cell what the API cell owns of the servers that it has. Where each stands is kept in memory and taken from the
/// cell's own word after every break.
actor TellAttributes {
    private let database: Database
    private let messenger: any Messenger
    private let log: Logger
    private var positions: [CellName: FeedPosition] = [:]

    init(database: Database, messenger: any Messenger, log: Logger) {
        self.database = database
        self.messenger = messenger
        self.log = log
    }

    /// The cell has said how far it has stored the feed.
    func stands(_ cell: CellName, at position: FeedPosition) { positions[cell] = position }

    /// Brings every cell up to date that has said where it stands and can be reached.
    func tell(_ reachable: [CellName]) async {
        for cell in reachable {
            guard let position = positions[cell] else { continue }
            let feed = FeedLog("down/\(cell)", schema: "compute", database: database)
            let sender = FeedSender(
                feed, load: { [database] in try await Self.attributes($0, in: database) },
                send: { [messenger] batch in
                    try await messenger.call(batch, to: .cell(cell), lane: .bulk, timeout: .seconds(5)).stored
                },
                passedOver: { [log] object, error in
                    log.error(
                        "an object is too large for the feed and was passed over",
                        metadata: [.cell: "\(cell)", "object": "\(object.kind) \(object.id)", .error: "\(error)"])
                })
            do {
                switch try await sender.catchUp(from: position) {
                case .upToDate(let end): positions[cell] = end
                case .stranger(let strange):
                    // The cell stored changes that this database lacks. Resume behind them; everything is told anew.
                    log.error("this database lacks changes that a cell has stored", metadata: [.cell: "\(cell)"])
                    try await feed.resume(behind: strange)
                    positions[cell] = strange
                }
            } catch {
                log.info("the feed down has to wait", metadata: [.cell: "\(cell)", .error: "\(error)"])
            }
        }
    }

    private static func attributes(_ objects: [FeedLog.Object], in database: Database) async throws -> [FeedChange] {
        let hosts = objects.filter { $0.kind == "host" }.map { HostName($0.id) }
        let standings = hosts.isEmpty ? [] : try await hostStandings(hosts, in: database)
        let ids = objects.filter { $0.kind == "attributes" }.compactMap { ServerID($0.id) }
        guard !ids.isEmpty else { return standings }
        let rows = try await database.query(
            """
            SELECT s.id, s.name, s.metadata, s.key_name, s.spec ->> 'publicKey' AS public_key, s.attributes_revision, s.deleted_at IS NOT NULL AS gone
            FROM compute.servers s WHERE id = ANY(\(ids))
            """)
        return try standings
            + rows.map { row in
                .attributes(
                    try ServerAttributes(
                        server: row.get("id"), revision: row.get("attributes_revision"), name: row.get("name"),
                        metadata: row.json("metadata"),
                        keyName: row.get("key_name"), publicKey: row.get("public_key"), gone: row.get("gone")))
            }
    }

    private static func hostStandings(_ hosts: [HostName], in database: Database) async throws -> [FeedChange] {
        try await database.query(
            """
            SELECT name, coalesce(wanted_disabled, false) AS disabled, wanted_reason FROM compute.hosts
            WHERE name = ANY(\(hosts)) AND wanted_disabled IS NOT NULL
            """
        ).map { row in
            let disabled: Bool = try row.get("disabled")
            return .hostStanding(
                try HostStanding(host: row.get("name"), enabled: !disabled, reason: disabled ? row.get("wanted_reason") : nil))
        }
    }
}
