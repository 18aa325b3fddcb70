internal import CellProtocol
internal import CloudModel
internal import Database

/// What hosts have and nobody ordered, as they told it when they last said hello (`WelcomeHosts` writes it).
struct DriftStore: Sendable {
    let database: Database

    /// The guests behind a place, in the order of hosts and servers, at most so many. One that was ordered meanwhile (a recovery wrote its
    /// record after its host had said hello) is a stranger no more.
    func strangers(after place: GetDrift.Place?, limit: Int) async throws -> [GetDrift.Stranger] {
        try await database.query(
            """
            SELECT t.server, t.host, t.epoch, t.power, t.spec ->> 'name' AS name, t.seen_at FROM cell.strangers AS t
            WHERE (\(place?.host) IS NULL OR (t.host, t.server) > (\(place?.host), \(place?.server)))
                AND NOT EXISTS (SELECT 1 FROM cell.servers AS s WHERE s.id = t.server AND s.host = t.host AND s.ordered)
            ORDER BY t.host, t.server LIMIT \(Int64(limit))
            """
        ).map { row in
            try GetDrift.Stranger(
                server: row.get("server"), host: row.get("host"), epoch: row.get("epoch"),
                power: PowerState(rawValue: Int(row.get("power") as Int32)) ?? .noState, name: row.get("name"),
                seenAt: row.get("seen_at"))
        }
    }
}
