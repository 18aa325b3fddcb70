internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Foundation
internal import Logging
internal import Messaging
internal import Observability

/// What the hub answers the cells: the handshake, and the rows a rewound cell asks for.
struct AnswerCells: Sendable {
    let database: Database
    let cells: CellDirectory
    let placements: PlacementStore
    let acknowledged: Acknowledgements
    let log: Logger

    /// Servers of one answer to a cell that recovers. Higher: more of them are read in vain where the answer is full before; lower: more
    /// questions until a large cell is back.
    private static let page = 200
    /// Bytes of their rows. Below the bulk lane's limit by what stands beside them: the names of the cell's hosts, with the first page.
    private static let pageBytes = Lane.bulk.bytes - (2 << 20)

    func hello(_ hello: CellHello, from cell: CellName) async throws -> CellHello.Reply {
        let highest = try await cells.joined(
            cell, release: hello.release, highestEpoch: hello.highestEpoch, summary: hello.summary)
        let knows = try await down(to: cell).knows(hello.stored)
        if hello.highestEpoch > highest {
            log.error(
                "a cell has seen a later placement than this database knows: it was rewound, and nothing is placed there",
                metadata: [.cell: "\(cell)", .epoch: "\(hello.highestEpoch)", "own": "\(highest)"])
        }
        log.info("cell joined", metadata: [.cell: "\(cell)", "release": "\(hello.release)"])
        return CellHello.Reply(
            stored: try await FeedCursor("up/\(cell)", schema: "compute").position(in: database), knowsYourPosition: knows,
            highestEpoch: highest)
    }

    /// The feed down to a cell.
    func down(to cell: CellName) -> FeedLog { FeedLog("down/\(cell)", schema: "compute", database: database) }

    /// Servers mapped to a cell that lost its memory. What it had not finished is delivered to it again.
    func recover(_ question: RecoverServers, for cell: CellName) async throws -> RecoverServers.Reply {
        var hosts: [HostName]?
        if question.after == nil {
            hosts = try await mayHaveServers(in: cell)
            let again = try await database.query(
                """
                UPDATE compute.server_actions a SET delivery = 'pending' FROM compute.servers s
                WHERE s.id = a.server AND s.cell = \(cell) AND s.deleted_at IS NULL AND a.number > s.done_through
                RETURNING a.server
                """)
            await acknowledged.forget(Set(try again.map { try $0.get("server") }))
        }
        let rows = try await database.query(
            """
            SELECT id, epoch, spec, name, metadata, revision, done_through, progress, vm_state, power_state, host, host_zone, instance_name,
                launched_at, terminated_at, reported_at, fault
            FROM compute.servers WHERE cell = \(cell) AND deleted_at IS NULL AND (\(question.after) IS NULL OR id > \(question.after))
            ORDER BY id LIMIT \(Int64(Self.page))
            """)
        let servers = try rows.map { row in
            var spec = try row.json("spec", as: ServerSpec.self)
            spec.name = try row.get("name")
            spec.metadata = try row.json("metadata")
            return try RecoverServers.Known(
                server: row.get("id"), epoch: row.get("epoch"), spec: spec, lastReport: lastReport(row))
        }
        let fitting = Array(servers.prefix(servers.count(fitting: Self.pageBytes) { $0.bytesAtMost }))
        let isLast = servers.count < Self.page && fitting.count == servers.count
        return RecoverServers.Reply(servers: fitting, next: isLast ? nil : fitting.last?.server, hosts: hosts)
    }

    /// The cell's hosts, but for those that had been silent for an hour when the cell last told of any: no build lasts for so long.
    private func mayHaveServers(in cell: CellName) async throws -> [HostName] {
        try await database.query(
            """
            SELECT name FROM (
                SELECT name, report ->> 'up' = 'true' AS up, (report ->> 'lastSeen')::bigint AS seen,
                    max((report ->> 'lastSeen')::bigint) OVER () AS latest
                FROM compute.hosts WHERE cell = \(cell)) AS h
            WHERE up OR seen > latest - 3600000000 ORDER BY name
            """
        ).map { try $0.get("name") }
    }

    private func lastReport(_ row: Row) throws -> ServerReport? {
        guard let updatedAt: Timestamp = try row.get("reported_at") else { return nil }
        return try ServerReport(
            server: row.get("id"), epoch: row.get("epoch"), revision: row.get("revision"),
            doneThrough: Int(row.get("done_through") as Int32), progress: row.get("progress"), vmState: row.get("vm_state"),
            powerState: PowerState(rawValue: Int(row.get("power_state") as Int32)) ?? .noState, host: row.get("host"),
            zone: row.get("host_zone"), instanceName: row.get("instance_name") ?? "", launchedAt: row.get("launched_at"),
            terminatedAt: row.get("terminated_at"), updatedAt: updatedAt,
            fault: row.json("fault", as: ServerReport.Fault?.self),
            refused: nil)
    }
}
