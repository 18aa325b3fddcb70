import CloudModel
import Database
import Foundation

/// The rows of images. Every change of status is a compare-and-set whose origins come from `ImageStatus`, so that of two that race
/// one wins and the other is told.
struct ImageStore: Sendable {
    let database: Database

    /// The columns that `Image(row:)` reads.
    static let columns = """
        i.id, i.name, i.status, i.visibility, i.owner, i.protected, i.os_hidden, i.disk_format, i.container_format, i.min_disk, \
        i.min_ram, i.size, i.virtual_size, i.checksum, i.os_hash_value, i.tags, i.properties::text AS properties, i.revision, \
        i.created_at, i.updated_at
        """

    /// False when the id is taken, also by an image that is long deleted.
    func insert(_ image: Image) async throws -> Bool {
        let rows = try await database.query(
            """
            INSERT INTO glance.images (
                id, name, status, visibility, owner, protected, os_hidden, disk_format, container_format, min_disk, min_ram,
                tags, properties, created_at, updated_at
            ) VALUES (
                \(image.id), \(image.name), \(image.status), \(image.visibility), \(image.owner), \(image.isProtected),
                \(image.isHidden), \(image.diskFormat), \(image.containerFormat), \(Int64(image.minDisk)), \(Int64(image.minRAM)),
                \(image.tags), \(json: image.properties), \(image.createdAt), \(image.updatedAt)
            ) ON CONFLICT (id) DO NOTHING
            """)
        return rows.affected == 1
    }

    func image(_ id: ImageID) async throws -> Image? {
        try await database.query(
            "SELECT \(unsafe: Self.columns) FROM glance.images i WHERE i.id = \(id) AND i.status <> 'deleted'"
        ).first.map(Image.init(row:))
    }

    /// Whether the image ever was: tells 410 from 404 for those who held its grant.
    func wasDeleted(_ id: ImageID) async throws -> Bool {
        try await !database.query("SELECT 1 AS one FROM glance.images WHERE id = \(id) AND status = 'deleted'").isEmpty
    }

    /// Writes what a user may change; nil when somebody else changed the image meanwhile.
    func replace(_ image: Image, at now: Timestamp) async throws -> Image? {
        try await database.query(
            """
            UPDATE glance.images i SET
                name = \(image.name), visibility = \(image.visibility), owner = \(image.owner), protected = \(image.isProtected),
                os_hidden = \(image.isHidden), disk_format = \(image.diskFormat), container_format = \(image.containerFormat),
                min_disk = \(Int64(image.minDisk)), min_ram = \(Int64(image.minRAM)), tags = \(image.tags),
                properties = \(json: image.properties), updated_at = \(now), revision = revision + 1
            WHERE i.id = \(image.id) AND i.revision = \(image.revision) AND i.status <> 'deleted'
            RETURNING \(unsafe: Self.columns)
            """
        ).first.map(Image.init(row:))
    }

    /// Puts a tag on, once; false when the image is gone.
    func addTag(_ tag: String, to id: ImageID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET tags = array_append(array_remove(tags, \(tag)::text), \(tag)::text), updated_at = \(now),
                revision = revision + 1
            WHERE id = \(id) AND status <> 'deleted'
            """)
        return rows.affected == 1
    }

    /// Takes a tag off; false when the image doesn't carry it.
    func removeTag(_ tag: String, from id: ImageID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET tags = array_remove(tags, \(tag)::text), updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND status <> 'deleted' AND \(tag)::text = ANY (tags)
            """)
        return rows.affected == 1
    }

    /// active ⇄ deactivated; false when the image is in no state for it.
    func change(_ id: ImageID, _ change: ImageStatus.Change, to status: ImageStatus, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET status = \(status), updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND status = ANY (\(ImageStatus.origins(of: change))::text[])
            """)
        return rows.affected == 1
    }

    /// Marks an image deleted unless it is protected; its file is removed afterwards, by the caller or by the janitor.
    func markDeleted(_ id: ImageID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET status = 'deleted', deleted_at = \(now), updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND NOT protected AND status = ANY (\(ImageStatus.origins(of: .delete))::text[])
            """)
        return rows.affected == 1
    }
}

extension Image {
    /// Reads `ImageStore.columns`.
    init(row: Row) throws {
        let sha512: String? = try row.get("os_hash_value")
        let properties: String = try row.get("properties")
        let minDisk: Int64 = try row.get("min_disk")
        let minRAM: Int64 = try row.get("min_ram")
        self.init(
            id: try row.get("id"), name: try row.get("name"), status: try row.get("status"),
            visibility: try row.get("visibility"),
            owner: try row.get("owner"), isProtected: try row.get("protected"), isHidden: try row.get("os_hidden"),
            diskFormat: try row.get("disk_format"), containerFormat: try row.get("container_format"), minDisk: Int(minDisk),
            minRAM: Int(minRAM), size: try row.get("size"), virtualSize: try row.get("virtual_size"),
            checksum: try row.get("checksum"), sha512: sha512, tags: try row.get("tags"),
            properties: try JSONDecoder().decode([String: String].self, from: Data(properties.utf8)),
            revision: try row.get("revision"), createdAt: try row.get("created_at"), updatedAt: try row.get("updated_at"))
    }
}
