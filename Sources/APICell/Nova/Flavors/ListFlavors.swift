import APIConventions
import CloudModel

/// `GET /flavors`, `/flavors/detail` and `/flavors/{id}`. A flavor that isn't public exists only for its projects and administrators.
struct ListFlavors: Sendable {
    let store: FlavorStore

    func callAsFunction(_ request: NovaRequest, detail: Bool) async throws -> [UInt8] {
        let filter = try Self.filter(request)
        var flavors = try await store.list(filter)
        let isLast = flavors.count <= filter.limit
        if !isLast { flavors.removeLast(flavors.count - filter.limit) }
        let document = FlavorDocument(links: request.links)
        var json = JSONWriter(capacity: flavors.count * 512 + 64)
        json.object {
            $0.array("flavors") {
                for flavor in flavors {
                    $0.object { detail ? document.write(flavor, to: &$0) : document.writeBrief(flavor, to: &$0) }
                }
            }
            if !isLast, let last = flavors.last {
                request.links.writeNext(
                    to: &$0, "flavors_links", path: detail ? "flavors/detail" : "flavors", query: request.query,
                    marker: last.flavor.id.rawValue)
            }
        }
        return json.bytes
    }

    func show(_ request: NovaRequest) async throws -> [UInt8] {
        let flavor = try await find(request)
        let document = FlavorDocument(links: request.links)
        var json = JSONWriter()
        json.object { $0.object("flavor") { document.write(flavor, to: &$0) } }
        return json.bytes
    }

    /// The flavor of the path; 404 when there is none that the caller may see.
    func find(_ request: NovaRequest) async throws -> FlavorRecord {
        let id = FlavorID(try request.parameter("flavor"))
        guard let flavor = try await store.flavor(id, visibleTo: request.caller.isAdmin ? nil : request.project) else {
            throw Self.notFound(id)
        }
        return flavor
    }

    static func notFound(_ id: FlavorID) -> CloudError { CloudError(.notFound, "Flavor \(id) could not be found.") }

    private static func filter(_ request: NovaRequest) throws(CloudError) -> FlavorFilter {
        let query = request.query
        var filter = FlavorFilter()
        let paging = try Paging(query)
        filter.limit = paging.limit
        filter.marker = paging.marker.map { FlavorID($0) }
        filter.minDisk = try number(query, "minDisk")
        filter.minRAM = try number(query, "minRam")
        if request.caller.isAdmin {
            // Administrators see public ones unless they ask: is_public=None means all.
            switch query["is_public"]?.lowercased() {
            case nil: filter.isPublic = true
            case "none": break
            case "0", "false", "f", "no", "n", "off": filter.isPublic = false
            case "1", "true", "t", "yes", "y", "on": filter.isPublic = true
            case .some(let text): throw CloudError(.badRequest, "Invalid is_public filter [\(text.prefix(40))]")
            }
        } else {
            filter.visibleTo = request.project
        }
        if let key = query["sort_key"] {
            guard let column = FlavorFilter.sortKeys[key] else {
                throw CloudError(.badRequest, "Invalid input for query parameters sort_key. Value: \(key.prefix(40)).")
            }
            filter.sortKey = column
        }
        if let direction = query["sort_dir"] {
            guard direction == "asc" || direction == "desc" else {
                throw CloudError(.badRequest, "Invalid input for query parameters sort_dir. Value: \(direction.prefix(40)).")
            }
            filter.ascending = direction == "asc"
        }
        return filter
    }

    private static func number(_ query: QueryItems, _ name: String) throws(CloudError) -> Int? {
        guard let text = query[name] else { return nil }
        guard let number = Int(text) else { throw CloudError(.badRequest, "Invalid \(name) filter [\(text.prefix(40))]") }
        return number
    }
}
