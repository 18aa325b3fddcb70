internal import CellProtocol
internal import CloudModel
internal import Database
internal import Feeds
internal import Foundation

/// Reads the objects of the feed up as they are now.
struct FeedRows: Sendable {
    let database: Database

    /// So many of a server's latest actions travel with it. Only the last can be under way beside a delete, so that three never leave one
    /// out.
    static let actionsTold = 3

    func callAsFunction(_ objects: [FeedLog.Object]) async throws -> [FeedChange] {
        var servers: [ServerID] = []
        var hosts: [HostName] = []
        for object in objects {
            switch object.kind {
            case "server": if let id = ServerID(object.id) { servers.append(id) }
            case "host": hosts.append(HostName(object.id))
            default: throw CloudError(.internalError, "The feed has an object of an unknown kind.", detail: object.kind)
            }
        }
        var changes: [FeedChange] = []
        if !hosts.isEmpty {
            changes += try await HostStore().reports(of: hosts, in: database).map(FeedChange.host)
        }
        if !servers.isEmpty {
            for record in try await CellServerStore().read(servers, in: database) {
                changes += record.actions.suffix(Self.actionsTold).map { .action($0.report(of: record)) }
                changes.append(.server(record.report))
            }
        }
        return changes
    }
}
