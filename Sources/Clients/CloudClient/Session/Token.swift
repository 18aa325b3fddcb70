/// A token and what came with it.
public struct Token: Sendable {
    public let id: String
    /// As Keystone writes it: `2026-11-20T22:55:00.000000Z`.
    public let expires: String
    public let user: String
    public let userID: String
    public let project: String?
    public let projectID: String?
    public let roles: [String]
    public let catalog: Catalog

    init(id: String, body: JSON) throws {
        guard let token = body["token"] else {
            throw CloudClientError.unreadable("The identity service's answer holds no token.")
        }
        self.id = id
        expires = token["expires_at"]?.string ?? ""
        user = token["user"]?["name"]?.string ?? ""
        userID = token["user"]?["id"]?.string ?? ""
        project = token["project"]?["name"]?.string
        projectID = token["project"]?["id"]?.string
        roles = (token["roles"]?.array ?? []).compactMap { $0["name"]?.string }.sorted()
        catalog = Catalog(token["catalog"] ?? .null)
    }
}

/// Which services a cloud has, and where.
public struct Catalog: Sendable {
    public struct Endpoint: Sendable, Equatable {
        public let service: String
        public let interface: String
        public let region: String
        public let url: String
    }

    public let endpoints: [Endpoint]

    init(_ json: JSON) {
        endpoints = (json.array ?? []).flatMap { service in
            (service["endpoints"]?.array ?? []).compactMap { endpoint in
                guard let url = endpoint["url"]?.string else { return nil }
                return Endpoint(
                    service: service["type"]?.string ?? "", interface: endpoint["interface"]?.string ?? "public",
                    region: (endpoint["region"] ?? endpoint["region_id"])?.string ?? "", url: url.trimmingSlashes)
            }
        }
    }

    /// The regions, in the catalog's order.
    public var regions: [String] {
        endpoints.reduce(into: []) { if !$0.contains($1.region) { $0.append($1.region) } }
    }

    /// The address of a service. Throws a sentence that says what there is instead.
    public func url(of service: String, region: String?, interface: String) throws -> String {
        let ofService = endpoints.filter { $0.service == service && $0.interface == interface }
        guard let region else {
            guard let first = ofService.first else {
                throw CloudClientError.settings("The catalog has no \(interface) endpoint for \(service).")
            }
            return first.url
        }
        if let found = ofService.first(where: { $0.region == region }) { return found.url }
        throw CloudClientError.settings(
            ofService.isEmpty
                ? "The catalog has no \(interface) endpoint for \(service)."
                : "Region \(region) has no \(service) service. The catalog has: \(ofService.map(\.region).joined(separator: ", "))."
        )
    }
}
