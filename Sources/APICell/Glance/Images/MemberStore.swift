import APIConventions
import CloudModel
import Database

/// One project that a shared image is shared with.
struct ImageMember: Sendable {
    enum Status: String, CaseIterable {
        case pending, accepted, rejected
    }
    var image: ImageID
    var project: ProjectID
    var status: Status
    var createdAt: Timestamp
    var updatedAt: Timestamp

    init(row: Row) throws {
        image = try row.get("image")
        project = try row.get("member")
        status = try row.get("status")
        createdAt = try row.get("created_at")
        updatedAt = try row.get("updated_at")
    }

    /// Writes the members of its object, as Glance shows it.
    func write(to json: inout JSONWriter) {
        json.field("image_id", image)
        json.field("member_id", project)
        json.field("status", status.rawValue)
        json.field("created_at", createdAt.seconds)
        json.field("updated_at", updatedAt.seconds)
        json.field("schema", "/v2/schemas/member")
    }
}

/// The rows of `glance.image_members`.
struct MemberStore: Sendable {
    /// Members of one image (Glance's `image_member_quota`).
    static let limit = 128
    let database: Database

    func isMember(_ project: ProjectID?, of image: ImageID) async throws -> Bool {
        guard let project else { return false }
        return try await !database.query(
            "SELECT 1 AS one FROM glance.image_members WHERE image = \(image) AND member = \(project)"
        ).isEmpty
    }

    func all(of image: ImageID) async throws -> [ImageMember] {
        try await database.query(
            "SELECT * FROM glance.image_members WHERE image = \(image) ORDER BY created_at, member LIMIT \(Self.limit + 1)"
        ).map(ImageMember.init(row:))
    }

    /// nil when it is a member already.
    func add(_ project: ProjectID, to image: ImageID, at now: Timestamp) async throws -> ImageMember? {
        try await database.query(
            """
            INSERT INTO glance.image_members (image, member, created_at, updated_at) VALUES (\(image), \(project), \(now), \(now))
            ON CONFLICT DO NOTHING RETURNING *
            """
        ).first.map(ImageMember.init(row:))
    }

    func set(_ status: ImageMember.Status, of project: ProjectID, in image: ImageID, at now: Timestamp) async throws
        -> ImageMember?
    {
        try await database.query(
            """
            UPDATE glance.image_members SET status = \(status), updated_at = \(now)
            WHERE image = \(image) AND member = \(project) RETURNING *
            """
        ).first.map(ImageMember.init(row:))
    }

    func remove(_ project: ProjectID, from image: ImageID) async throws -> Bool {
        try await database.query("DELETE FROM glance.image_members WHERE image = \(image) AND member = \(project)").affected
            == 1
    }
}
