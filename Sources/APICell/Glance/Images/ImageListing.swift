import CloudModel
import Database

extension ImageStore {
    /// One page of the images that the caller may see, in the order asked for, after the marker. One query.
    func list(_ query: ImageQuery, for caller: ImageCaller) async throws -> [Image] {
        var conditions = Self.conditions(query)
        conditions.append(Self.sight(query, caller))
        if query.marker != nil { conditions.append(SQL(unsafe: Self.afterMarker(query.sorts))) }
        let order = query.sorts.map { "\(Self.expression($0.key, of: "i")) \($0.ascending ? "ASC" : "DESC")" }.joined(
            separator: ", ")
        return try await database.query(
            """
            WITH m AS (SELECT * FROM glance.images WHERE id = \(query.marker?.rawValue))
            SELECT \(unsafe: Self.columns) FROM glance.images i LEFT JOIN m ON true
            WHERE \(SQL.joined(conditions, by: " AND ")) ORDER BY \(unsafe: order) LIMIT \(query.limit)
            """
        ).map(Image.init(row:))
    }

    private static func conditions(_ query: ImageQuery) -> [SQL] {
        var all: [SQL] = ["i.status <> 'deleted'", "i.os_hidden = \(query.isHidden)"]
        if let names = query.names { all.append("i.name = ANY (\(names))") }
        if let ids = query.ids { all.append("i.id = ANY (\(ids))") }
        if let statuses = query.statuses { all.append("i.status = ANY (\(statuses))") }
        if let formats = query.diskFormats { all.append("i.disk_format = ANY (\(formats))") }
        if let formats = query.containerFormats { all.append("i.container_format = ANY (\(formats))") }
        if let owner = query.owner { all.append("i.owner = \(owner)") }
        if !query.tags.isEmpty { all.append("i.tags @> \(query.tags)") }
        if let size = query.size { all.append("i.size = \(size)") }
        if let size = query.sizeAtLeast { all.append("i.size >= \(size)") }
        if let size = query.sizeAtMost { all.append("i.size <= \(size)") }
        if let disk = query.minDisk { all.append("i.min_disk = \(disk)") }
        if let ram = query.minRAM { all.append("i.min_ram = \(ram)") }
        if let isProtected = query.isProtected { all.append("i.protected = \(isProtected)") }
        if let checksum = query.checksum { all.append("i.checksum = \(checksum)") }
        if let sha512 = query.sha512 { all.append("i.os_hash_value = \(sha512)") }
        if !query.properties.isEmpty { all.append("i.properties @> \(json: query.properties)") }
        for (column, bounds) in [("created_at", query.createdAt), ("updated_at", query.updatedAt)] {
            for bound in bounds {
                // Glance shows and compares whole seconds.
                all.append(
                    "date_trunc('second', i.\(unsafe: column)) \(unsafe: Self.sign(bound.comparison)) \(bound.time)")
            }
        }
        return all
    }

    /// Which images exist for the caller in this list.
    private static func sight(_ query: ImageQuery, _ caller: ImageCaller) -> SQL {
        let owned: SQL = "i.owner = \(caller.project)"
        let mine: SQL = caller.isAdmin ? "true" : owned
        let sharedWithMe: SQL = """
            (i.visibility = 'shared' AND EXISTS (
                SELECT 1 FROM glance.image_members s WHERE s.image = i.id AND s.member = \(caller.project)
                AND (s.status = \(query.memberStatus) OR \(query.memberStatus == "all"))))
            """
        return switch query.visibility {
        case .usual:
            caller.isAdmin
                ? "(i.visibility <> 'community' OR \(owned))" : "(\(owned) OR i.visibility = 'public' OR \(sharedWithMe))"
        case .all: "(\(mine) OR i.visibility IN ('public', 'community') OR \(sharedWithMe))"
        case .only(.public): "i.visibility = 'public'"
        case .only(.community): "i.visibility = 'community'"
        case .only(.private): "(i.visibility = 'private' AND \(mine))"
        case .only(.shared): "(i.visibility = 'shared' AND (\(mine) OR \(sharedWithMe)))"
        }
    }

    /// Lexicographic: after the marker's row in the order of the sorts, whose last is always the id.
    private static func afterMarker(_ sorts: [ImageQuery.Sort]) -> String {
        var alternatives: [String] = []
        var equal: [String] = []
        for sort in sorts {
            let (mine, its) = (expression(sort.key, of: "i"), expression(sort.key, of: "m"))
            alternatives.append(
                "(" + (equal + ["\(mine) \(sort.ascending ? ">" : "<") \(its)"]).joined(separator: " AND ") + ")")
            equal.append("\(mine) = \(its)")
        }
        return "(" + alternatives.joined(separator: " OR ") + ")"
    }

    /// Never null, so that it compares.
    private static func expression(_ key: ImageQuery.SortKey, of table: String) -> String {
        switch key {
        case .name, .status, .container_format, .disk_format, .visibility, .owner: "coalesce(\(table).\(key.rawValue), '')"
        case .size: "coalesce(\(table).size, -1)"
        case .id, .created_at, .updated_at, .min_disk, .min_ram: "\(table).\(key.rawValue)"
        }
    }

    private static func sign(_ comparison: ImageQuery.TimeBound.Comparison) -> String {
        switch comparison {
        case .gt: ">"
        case .gte: ">="
        case .lt: "<"
        case .lte: "<="
        case .eq: "="
        case .neq: "<>"
        }
    }
}
