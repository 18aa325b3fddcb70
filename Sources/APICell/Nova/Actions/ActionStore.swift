import CloudModel
import Database

/// Accepts actions: one transaction that locks the server's row, looks at its standing, and writes the intent.
struct ActionStore: Sendable {
    let database: Database

    enum Accepted: Sendable {
        case accepted
        case notFound
        case locked
        /// The server is in no state for it.
        case refused(ServerStanding)
        /// It never ran anywhere, so there is nobody who could do it.
        case notReady
    }

    /// Accepts a verb if the server's cell owes no answer and its state allows it. Two at once: the second finds the first.
    func accept(_ action: NewAction, on server: ServerID, within reach: ServerReach) async throws -> Accepted {
        try await database.transaction { transaction in
            guard let row = try await transaction.query(Self.lock(server, within: reach)).first else { return .notFound }
            if reach.respectsLock, try row.get("locked") { return .locked }
            let standing = try ServerStanding(row)
            guard standing.accepts(action.verb, hardReboot: action.hardReboot) else { return .refused(standing) }
            guard try row.get("mapping") == "placed" else { return .notReady }
            _ = try await transaction.pipeline([Self.insert(action, on: server), Self.bump(server, to: action)])
            return .accepted
        }
    }

    enum Deleted: Sendable {
        /// Nothing of it was anywhere: it is gone.
        case gone
        /// Its cell has to do it.
        case ordered
        /// It was being deleted already.
        case already
        case notFound
        case locked
    }

    /// Deletes. A server that no cell was ever asked to build is marked deleted here and now, under the row's lock, so that the
    /// SuperScheduler's compare-and-set of the mapping fails; any other gets a delete action, which overtakes what is under way.
    func delete(_ server: ServerID, _ action: NewAction, within reach: ServerReach) async throws -> Deleted {
        try await database.transaction { transaction in
            guard let row = try await transaction.query(Self.lock(server, within: reach)).first else { return .notFound }
            if reach.respectsLock, try row.get("locked") { return .locked }
            let standing = try ServerStanding(row)
            let mapping: String = try row.get("mapping")
            if mapping == "unplaced" {
                _ = try await transaction.pipeline([
                    Self.interruptOthers(on: server, at: action.at), Self.insertSettled(action, on: server),
                    Self.bump(server, to: action, deletedAt: action.at), Self.tellDeleted(server),
                ])
                return .gone
            }
            guard standing.lastVerb != .delete else { return .already }
            _ = try await transaction.pipeline([Self.insert(action, on: server), Self.bump(server, to: action)])
            return .ordered
        }
    }

    private static func lock(_ server: ServerID, within reach: ServerReach) -> SQL {
        var conditions: [SQL] = ["id = \(server)", "deleted_at IS NULL"]
        if let project = reach.project { conditions.append("project = \(project)") }
        if let region = reach.homeRegion { conditions.append("home_region = \(region)") }
        return """
            SELECT locked, mapping, \(unsafe: ServerStanding.columns) FROM compute.servers
            WHERE \(SQL.joined(conditions, by: " AND "))
            FOR UPDATE
            """
    }

    private static func insert(_ action: NewAction, on server: ServerID) -> SQL {
        """
        INSERT INTO compute.server_actions (server, number, intent, request, verb, body, project, user_id, created_at, deadline)
        SELECT id, last_action + 1, \(action.intent), \(action.request), \(action.verb), \(jsonText: action.body), \(action.project),
            \(action.user), \(action.at), \(action.deadline)
        FROM compute.servers WHERE id = \(server)
        """
    }

    /// A delete that nobody has to carry out.
    private static func insertSettled(_ action: NewAction, on server: ServerID) -> SQL {
        """
        INSERT INTO compute.server_actions (server, number, intent, request, verb, project, user_id, created_at, delivery, state,
            started_at, finished_at)
        SELECT id, last_action + 1, \(action.intent), \(action.request), 'delete', \(action.project), \(action.user), \(action.at),
            'settled', 'done', \(action.at), \(action.at)
        FROM compute.servers WHERE id = \(server)
        """
    }

    /// Whatever was asked before of a server that is gone now: nobody has to carry it out either.
    private static func interruptOthers(on server: ServerID, at now: Timestamp) -> SQL {
        """
        UPDATE compute.server_actions SET delivery = 'settled', state = 'interrupted', finished_at = \(now)
        WHERE server = \(server) AND delivery <> 'settled'
        """
    }

    /// Last in its transaction: events wait for each other's commit.
    private static func tellDeleted(_ server: ServerID) -> SQL {
        """
        INSERT INTO compute.events (kind, project, server)
        SELECT 'compute.instance.delete.end', project, id FROM compute.servers WHERE id = \(server)
        """
    }

    private static func bump(_ server: ServerID, to action: NewAction, deletedAt: Timestamp? = nil) -> SQL {
        """
        UPDATE compute.servers
        SET last_action = last_action + 1, last_verb = \(action.verb), last_reboot_hard = \(action.hardReboot),
            updated_at = \(action.at), deleted_at = \(deletedAt)
        WHERE id = \(server)
        """
    }
}
