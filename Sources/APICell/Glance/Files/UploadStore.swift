import CloudModel
import Database
import Foundation

/// The rows of images as their data comes and goes.
struct UploadStore: Sendable {
    let database: Database

    /// queued → saving. False when it was not queued: another upload won, or it has data.
    func begin(_ upload: UUID, of id: ImageID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET status = 'saving', upload = \(upload), updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND status = ANY (\(ImageStatus.origins(of: .beginUpload))::text[])
            """)
        return rows.affected == 1
    }

    /// saving → active, with everything that is known of the data, in one statement. False when the image was deleted meanwhile.
    func complete(_ upload: UUID, of id: ImageID, _ data: ReceivedData, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET status = 'active', upload = NULL, size = \(data.size), checksum = \(data.md5),
                os_hash_value = \(data.sha512), virtual_size = CASE disk_format WHEN 'raw' THEN \(data.size)::bigint ELSE virtual_size END,
                updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND upload = \(upload) AND status = ANY (\(ImageStatus.origins(of: .completeUpload))::text[])
            """)
        return rows.affected == 1
    }

    /// saving → killed.
    @discardableResult
    func fail(_ upload: UUID, of id: ImageID, at now: Timestamp) async throws -> Bool {
        let rows = try await database.query(
            """
            UPDATE glance.images SET status = 'killed', upload = NULL, updated_at = \(now), revision = revision + 1
            WHERE id = \(id) AND upload = \(upload) AND status = ANY (\(ImageStatus.origins(of: .failUpload))::text[])
            """)
        return rows.affected == 1
    }

    /// Uploads that the rows believe to be under way, of any process.
    func unfinished(limit: Int) async throws -> [(image: ImageID, upload: UUID)] {
        try await database.query(
            "SELECT id, upload FROM glance.images WHERE status = 'saving' AND upload IS NOT NULL ORDER BY updated_at LIMIT \(limit)"
        ).map { (try $0.get("id"), try $0.get("upload")) }
    }

    /// Images that are gone but whose file may still be there, with the upload that was under way when they were deleted.
    func filesToRemove(limit: Int) async throws -> [(image: ImageID, upload: UUID?)] {
        try await database.query(
            """
            SELECT id, upload FROM glance.images WHERE status IN ('deleted', 'killed') AND file_removed_at IS NULL
            ORDER BY updated_at LIMIT \(limit)
            """
        ).map { (try $0.get("id"), try $0.get("upload")) }
    }

    func markFileRemoved(_ id: ImageID, at now: Timestamp) async throws {
        try await database.query(
            """
            UPDATE glance.images SET file_removed_at = \(now)
            WHERE id = \(id) AND status IN ('deleted', 'killed') AND file_removed_at IS NULL
            """)
    }
}
