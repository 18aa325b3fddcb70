package import CloudModel
package import Database

/// The images that every project may boot, for whoever prepares for their boots. Reads the rows and nothing else, so that a process
/// without Glance's files can have it.
package struct PublicImages: Sendable {
    private let database: Database

    package init(database: Database) { self.database = database }

    /// The newest first. Throws `DatabaseError`.
    package func newest(atMost limit: Int) async throws -> [Image] {
        try await database.query(
            """
            SELECT \(unsafe: ImageStore.columns) FROM glance.images i WHERE \(unsafe: Self.isBootableByAll)
            ORDER BY i.created_at DESC, i.id LIMIT \(Int64(limit))
            """
        ).map(Image.init(row:))
    }

    /// nil: there is none of that id that everybody may boot. Throws `DatabaseError`.
    package func image(_ id: ImageID) async throws -> Image? {
        try await database.query(
            "SELECT \(unsafe: ImageStore.columns) FROM glance.images i WHERE i.id = \(id) AND \(unsafe: Self.isBootableByAll)"
        ).first.map(Image.init(row:))
    }

    /// Of the formats that hosts take, with data, and not hidden from lists.
    private static let isBootableByAll = """
        i.status = 'active' AND i.visibility = 'public' AND NOT i.os_hidden AND i.disk_format IN ('qcow2', 'raw') AND i.size > 0
        """
}
