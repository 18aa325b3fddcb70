import CloudModel
import Foundation

/// What a list of images asks for, read from the query string. Pure; every refusal is a 400 with a sentence.
struct ImageQuery: Equatable {
    struct Sort: Equatable {
        var key: SortKey
        var ascending: Bool
    }

    enum SortKey: String, CaseIterable {
        case name, status, container_format, disk_format, size, id, created_at, updated_at, min_disk, min_ram, visibility, owner
    }

    /// `created_at=gte:2026-01-01T00:00:00Z`.
    struct TimeBound: Equatable {
        enum Comparison: String, CaseIterable {
            case gt, gte, lt, lte, eq, neq
        }
        var comparison: Comparison
        var time: Timestamp
    }

    /// Which images beside the caller's own: nil is the usual view (own, public, shared and accepted).
    enum VisibilityWanted: Equatable {
        case usual, all
        case only(ImageVisibility)
    }

    var limit: Int
    var marker: ImageID?
    var sorts: [Sort] = []
    var visibility = VisibilityWanted.usual
    /// `pending`, `accepted`, `rejected` or `all`: of images shared with the caller.
    var memberStatus = "accepted"
    var names: [String]?
    var ids: [ImageID]?
    var statuses: [ImageStatus]?
    var diskFormats: [String]?
    var containerFormats: [String]?
    var owner: ProjectID?
    var tags: [String] = []
    /// Bytes.
    var size: Int64?
    var sizeAtLeast: Int64?
    var sizeAtMost: Int64?
    var minDisk: Int64?
    var minRAM: Int64?
    var isProtected: Bool?
    var isHidden = false
    var checksum: String?
    var sha512: String?
    var createdAt: [TimeBound] = []
    var updatedAt: [TimeBound] = []
    var properties: [String: String] = [:]
    /// The query string without marker and limit, for the links to the first and the next page.
    var kept: [(String, String)] = []

    static func == (left: Self, right: Self) -> Bool {
        left.limit == right.limit && left.marker == right.marker && left.sorts == right.sorts
            && left.kept.elementsEqual(right.kept, by: ==)
    }

    init(_ parameters: [(name: String, value: String)], limits: GlanceLimits) throws {
        limit = limits.page
        var sortKeys: [SortKey] = []
        var sortDirections: [Bool] = []
        var combined: [Sort] = []
        for (name, value) in parameters {
            if name != "marker" { kept.append((name, value)) }
            switch name {
            case "limit":
                guard let number = Int(value), number >= 0 else {
                    throw CloudError(.badRequest, "limit must be a whole number of at least 0, not \(value).")
                }
                limit = min(number, limits.pageAtMost)
            case "marker":
                guard let id = ImageID(value) else { throw CloudError(.badRequest, "The marker \(value) is no image.") }
                marker = id
            case "sort_key": sortKeys.append(try Self.sortKey(value))
            case "sort_dir": sortDirections.append(try Self.isAscending(value))
            case "sort": combined = try Self.sorts(value)
            case "visibility":
                guard value != "all" else {
                    visibility = .all
                    continue
                }
                guard let wanted = ImageVisibility(rawValue: value) else {
                    throw CloudError(
                        .badRequest, "Invalid visibility value: \(value). Use public, private, shared, community or all.")
                }
                visibility = .only(wanted)
            case "member_status":
                guard ["pending", "accepted", "rejected", "all"].contains(value) else {
                    throw CloudError(.badRequest, "Invalid status: \(value). Use pending, accepted, rejected or all.")
                }
                memberStatus = value
            case "name": names = Self.alternatives(value)
            case "id": ids = Self.alternatives(value).compactMap { ImageID($0) }
            case "status": statuses = Self.alternatives(value).compactMap(ImageStatus.init)
            case "disk_format": diskFormats = Self.alternatives(value)
            case "container_format": containerFormats = Self.alternatives(value)
            case "owner": owner = ProjectID(value)
            case "tag": tags.append(value)
            case "size": size = try Self.number(name, value)
            case "size_min": sizeAtLeast = try Self.number(name, value)
            case "size_max": sizeAtMost = try Self.number(name, value)
            case "min_disk": minDisk = try Self.number(name, value)
            case "min_ram": minRAM = try Self.number(name, value)
            case "protected": isProtected = try Self.truth(name, value)
            case "os_hidden": isHidden = try Self.truth(name, value)
            case "checksum": checksum = value
            case "os_hash_value": sha512 = value
            case "created_at": createdAt.append(try Self.bound(name, value))
            case "updated_at": updatedAt.append(try Self.bound(name, value))
            default: properties[name] = value
            }
        }
        guard combined.isEmpty || (sortKeys.isEmpty && sortDirections.isEmpty) else {
            throw CloudError(.badRequest, "Old and new sorting syntax cannot be combined: use sort, or sort_key with sort_dir.")
        }
        guard sortDirections.count <= max(1, sortKeys.count) else {
            throw CloudError(.badRequest, "Number of sort dirs does not match the number of sort keys.")
        }
        if sortKeys.isEmpty, !sortDirections.isEmpty { sortKeys = [.created_at] }
        sorts =
            combined.isEmpty
            ? sortKeys.enumerated().map { index, key in
                Sort(key: key, ascending: index < sortDirections.count ? sortDirections[index] : sortDirections.first ?? false)
            } : combined
        if !sorts.contains(where: { $0.key == .created_at }) { sorts.append(Sort(key: .created_at, ascending: false)) }
        if !sorts.contains(where: { $0.key == .id }) { sorts.append(Sort(key: .id, ascending: false)) }
    }

    /// The path of the first page, or of the one after `marker`.
    func link(after marker: ImageID? = nil) -> String {
        var pieces = marker.map { ["marker=\($0)"] } ?? []
        pieces += kept.map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }
        return "/v2/images" + (pieces.isEmpty ? "" : "?" + pieces.joined(separator: "&"))
    }

    // MARK: - Reading values

    private static func sortKey(_ text: String) throws -> SortKey {
        guard let key = SortKey(rawValue: text) else {
            throw CloudError(
                .badRequest,
                "Invalid sort key: \(text). It must be one of the following: "
                    + SortKey.allCases.map(\.rawValue).joined(separator: ", ") + ".")
        }
        return key
    }

    private static func isAscending(_ text: String) throws -> Bool {
        switch text {
        case "asc": return true
        case "desc": return false
        default: throw CloudError(.badRequest, "Invalid sort direction: \(text). It must be one of the following: asc, desc.")
        }
    }

    /// `name:asc,created_at`.
    private static func sorts(_ text: String) throws -> [Sort] {
        try text.split(separator: ",").map { piece in
            let parts = piece.split(separator: ":", maxSplits: 1).map(String.init)
            return Sort(key: try sortKey(parts[0]), ascending: parts.count > 1 ? try isAscending(parts[1]) : false)
        }
    }

    /// `in:a,b,"c,d"` → those; anything else is one value.
    private static func alternatives(_ text: String) -> [String] {
        guard text.hasPrefix("in:") else { return [text] }
        var values: [String] = []
        var current = ""
        var isQuoted = false
        for character in text.dropFirst(3) {
            switch character {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                values.append(current)
                current = ""
            default: current.append(character)
            }
        }
        values.append(current)
        return values
    }

    private static func number(_ name: String, _ text: String) throws -> Int64 {
        guard let number = Int64(text), number >= 0 else {
            throw CloudError(.badRequest, "\(name) must be a whole number of at least 0, not \(text).")
        }
        return number
    }

    private static func truth(_ name: String, _ text: String) throws -> Bool {
        switch text.lowercased() {
        case "true", "1": return true
        case "false", "0": return false
        default: throw CloudError(.badRequest, "\(name) must be true or false, not \(text).")
        }
    }

    private static func bound(_ name: String, _ text: String) throws -> TimeBound {
        var comparison = TimeBound.Comparison.eq
        var rest = Substring(text)
        for candidate in TimeBound.Comparison.allCases where text.hasPrefix(candidate.rawValue + ":") {
            comparison = candidate
            rest = text.dropFirst(candidate.rawValue.count + 1)
        }
        let zoned = rest.hasSuffix("Z") || rest.dropFirst(10).contains("+") ? String(rest) : rest + "Z"
        guard let date = try? Date(zoned, strategy: .iso8601) else {
            throw CloudError(.badRequest, "\(name) must be a time such as gte:2026-01-31T12:00:00Z, not \(text).")
        }
        return TimeBound(comparison: comparison, time: Timestamp(date))
    }

    private static func escaped(_ text: String) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~:,")
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text
    }
}
