import CellProtocol
import CloudModel
import Database

/// A server group: where its members may stand relative to each other.
struct ServerGroupRecord: Sendable {
    let id: ServerGroupID
    let project: ProjectID
    let user: UserID
    let name: String
    let policy: GroupConstraint.Policy
    let maxServersPerHost: Int
    let members: [ServerID]

    init(_ row: Row) throws {
        id = try row.get("id")
        project = try row.get("project")
        user = try row.get("user_id")
        name = try row.get("name")
        policy = try row.get("policy")
        maxServersPerHost = try row.get("max_server_per_host")
        members = try row.get("members")
    }

    var constraint: GroupConstraint { GroupConstraint(id: id, policy: policy, maxServersPerHost: maxServersPerHost) }
}

struct ServerGroupStore: Sendable {
    let database: Database

    private static let selection: SQL = """
        SELECT g.id, g.project, g.user_id, g.name, g.policy, g.max_server_per_host,
            ARRAY(SELECT s.id FROM compute.servers AS s WHERE s.group_id = g.id AND s.deleted_at IS NULL ORDER BY s.created_at) AS members
        FROM compute.server_groups AS g
        """

    /// Those of a project, or of all.
    func list(of project: ProjectID?, limit: Int, offset: Int) async throws -> [ServerGroupRecord] {
        let condition: SQL = if let project { " WHERE g.project = \(project)" } else { "" }
        return try await database.query(
            "\(Self.selection)\(condition) ORDER BY g.created_at, g.id LIMIT \(limit) OFFSET \(offset)"
        ).map(ServerGroupRecord.init)
    }

    func group(_ id: ServerGroupID, of project: ProjectID?) async throws -> ServerGroupRecord? {
        let condition: SQL = if let project { " AND g.project = \(project)" } else { "" }
        return try await database.query("\(Self.selection) WHERE g.id = \(id)\(condition)").first.map(ServerGroupRecord.init)
    }

    /// Nil when the project has as many as it may.
    func insert(
        name: String, policy: GroupConstraint.Policy, maxServersPerHost: Int, project: ProjectID, user: UserID, limit: Int
    ) async throws -> ServerGroupID? {
        let id = ServerGroupID.random()
        let added = try await database.transaction { transaction in
            try await transaction.query(
                "SELECT pg_advisory_xact_lock(hashtextextended('compute.server_groups.' || \(project), 0))")
            return try await transaction.query(
                """
                INSERT INTO compute.server_groups (id, project, user_id, name, policy, max_server_per_host)
                SELECT \(id), \(project), \(user), \(name), \(policy), \(maxServersPerHost)
                WHERE \(limit)::bigint < 0 OR (SELECT count(*) FROM compute.server_groups WHERE project = \(project)) < \(limit)
                """
            ).affected
        }
        return added > 0 ? id : nil
    }

    /// False when there is none. Members keep running where they are.
    func delete(_ id: ServerGroupID) async throws -> Bool {
        try await database.query("DELETE FROM compute.server_groups WHERE id = \(id)").affected > 0
    }
}
