import APIConventions
import CloudModel
import Database

/// Which services there are, where. The federation-wide region comes first, so that a client that names no region meets it.
struct Catalog: Sendable {
    struct Endpoint: Sendable {
        let id: String
        let interface: String
        let region: String
        let url: String
    }

    struct Entry: Sendable {
        let id: String
        let type: String
        let name: String
        let endpoints: [Endpoint]
    }

    /// The region that stands for all cells behind one endpoint.
    static let federation = "meridian"
    /// Child regions shown in one catalog. Each adds about 2.5 KiB to every token's answer; past this, clients choose badly and
    /// slowly. The federation-wide region reaches all of them.
    static let childRegionLimit = 32

    let entries: [Entry]
    /// The whole as JSON when no address depends on the project, which is the rule.
    private let rendered: String?

    init(_ entries: [Entry]) {
        self.entries = entries
        let isPlain = entries.allSatisfy { $0.endpoints.allSatisfy { !$0.url.contains("$(") && !$0.url.contains("%(") } }
        rendered = isPlain ? Self.render(entries, project: nil) : nil
    }

    func json(for project: ProjectID?) -> String { rendered ?? Self.render(entries, project: project) }

    private static func render(_ entries: [Entry], project: ProjectID?) -> String {
        var json = JSONWriter(capacity: 4096)
        json.array {
            for entry in entries {
                $0.object {
                    $0.array("endpoints") {
                        for endpoint in entry.endpoints {
                            // An address that needs a project is no address for a token without one.
                            guard let url = address(endpoint.url, project) else { continue }
                            $0.object {
                                $0.field("id", endpoint.id)
                                $0.field("interface", endpoint.interface)
                                $0.field("region_id", endpoint.region)
                                $0.field("url", url)
                                $0.field("region", endpoint.region)
                            }
                        }
                    }
                    $0.field("id", entry.id)
                    $0.field("type", entry.type)
                    $0.field("name", entry.name)
                }
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func address(_ url: String, _ project: ProjectID?) -> String? {
        var url = url
        for name in ["project_id", "tenant_id"] {
            for form in ["$(\(name))s", "%(\(name))s"] where url.contains(form) {
                guard let project else { return nil }
                let parts = url.split(separator: form, omittingEmptySubsequences: false)
                url = parts.joined(separator: project.rawValue)
            }
        }
        return url
    }
}

/// Remembers the catalog for a second, or until somebody changes it here.
final class CatalogCache: Sendable {
    private struct State {
        var catalog: Catalog?
        var readAt = ContinuousClock.now
        var generation = 0
    }

    private let database: Database
    private let state = Lock(State())

    init(database: Database) { self.database = database }

    func forget() {
        state.withLock { state in
            state.catalog = nil
            state.generation += 1
        }
    }

    func current() async throws -> Catalog {
        let (known, generation) = state.withLock { state in
            (ContinuousClock.now - state.readAt < TokenValidity.memory ? state.catalog : nil, state.generation)
        }
        if let known { return known }
        let fresh = try await CatalogStore(database: database).catalog()
        state.withLock { state in
            guard state.generation == generation else { return }
            state.catalog = fresh
            state.readAt = .now
        }
        return fresh
    }
}
