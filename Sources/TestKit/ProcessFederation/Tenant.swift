import CloudModel
package import Foundation

/// A user of the cloud, over HTTP.
package final class Tenant: Sendable {
    package enum Service: Sendable { case identity, image, compute }

    private let ports: APIPorts
    private let user: String
    private let project: String
    private let session = Lock<(token: String, projectID: String)>(("", ""))

    init(ports: APIPorts, user: String, project: String) {
        self.ports = ports
        self.user = user
        self.project = project
    }

    package static func password(of user: String) -> String { "\(user)-of-a-test" }

    /// The token in use.
    package var token: String { session.withLock { $0.token } }
    package var projectID: String { session.withLock { $0.projectID } }

    /// The same user, with a token of its own.
    package convenience init(like other: Tenant) { self.init(ports: other.ports, user: other.user, project: other.project) }

    /// What asks for a token, with the project's scope or without one.
    package static func logInBody(user: String, password: String, project: String? = nil) -> String {
        let scope = project.map { #", "scope": {"project": {"name": "\#($0)", "domain": {"id": "default"}}}"# } ?? ""
        let identity = #"{"name": "\#(user)", "domain": {"id": "default"}, "password": "\#(password)"}"#
        return #"{"auth": {"identity": {"methods": ["password"], "password": {"user": \#(identity)}}\#(scope)}}"#
    }

    package func logIn() async throws {
        let body = Self.logInBody(user: user, password: Self.password(of: user), project: project)
        let answer = try await call(.identity, "POST", "/v3/auth/tokens", body)
        guard answer.status == 201, let token = answer.headers["x-subject-token"] else {
            throw ProcessFederationError("\(user) gets no token: \(answer.status) \(answer.bodyText)")
        }
        session.withLock { $0 = (token, answer.text("token", "project", "id") ?? "") }
    }

    /// One request, sent once.
    package func call(
        _ service: Service, _ method: String, _ path: String, _ json: String? = nil, headers: [String: String] = [:],
        token: String? = nil
    ) async throws -> HTTPAnswer {
        try await call(
            service, method, path, bytes: Data((json ?? "").utf8), type: "application/json", headers: headers, token: token)
    }

    package func call(
        _ service: Service, _ method: String, _ path: String, bytes: Data, type: String, headers: [String: String] = [:],
        token: String? = nil
    ) async throws -> HTTPAnswer {
        var all = ["X-OpenStack-Nova-API-Version": "2.37"]
        let port =
            switch service {
            case .identity: ports.identity
            case .image: ports.image
            case .compute: ports.compute
            }
        if !bytes.isEmpty { all["Content-Type"] = type }
        let used = token ?? self.token
        if !used.isEmpty { all["X-Auth-Token"] = used }
        all.merge(headers) { $1 }
        return try await HTTP.send(method, port: port, path, headers: all, body: bytes)
    }

    /// As an administrator: lets a project have as many servers as it likes.
    func liftQuotas(of project: String) async throws {
        let answer = try await call(
            .compute, "PUT", "/v2.1/os-quota-sets/\(project)", #"{"quota_set": {"instances": -1, "cores": -1, "ram": -1}}"#)
        guard answer.status == 200 else { throw ProcessFederationError("The quotas stay: \(answer.status) \(answer.bodyText)") }
    }

    // MARK: Images

    /// Makes an image, of a few bytes if nothing is said: simulated guests read none.
    package func makeImage(_ data: Data = Data(repeating: 7, count: 4_096)) async throws -> String {
        let made = try await call(
            .image, "POST", "/v2/images", #"{"name": "tiny", "disk_format": "raw", "container_format": "bare"}"#)
        guard made.status == 201, let id = made.text("id") else {
            throw ProcessFederationError("There is no image: \(made.status) \(made.bodyText)")
        }
        let sent = try await call(
            .image, "PUT", "/v2/images/\(id)/file", bytes: data, type: "application/octet-stream")
        guard sent.status == 204 else { throw ProcessFederationError("The image isn't taken: \(sent.status) \(sent.bodyText)") }
        return id
    }

    // MARK: Servers

    /// Sends a boot until it is answered; with an idempotency key, so that one whose answer was lost isn't a second server.
    /// Throws for any answer but 202 and those that ask to come again.
    package func boot(_ name: String, image: String, zone: String? = nil, within limit: Duration = .seconds(60)) async throws
        -> String
    {
        let zone = zone.map { #", "availability_zone": "\#($0)""# } ?? ""
        let body = #"{"server": {"name": "\#(name)", "flavorRef": "1", "imageRef": "\#(image)", "networks": "none"\#(zone)}}"#
        let key = UUID().uuidString
        let end = ContinuousClock.now + limit
        while true {
            let answer = try? await call(.compute, "POST", "/v2.1/servers", body, headers: ["Idempotency-Key": key])
            if let answer, answer.status == 202, let id = answer.text("server", "id") { return id }
            if let answer, ![500, 502, 503, 504, 429].contains(answer.status) {
                throw ProcessFederationError("\(name) is refused: \(answer.status) \(answer.bodyText)")
            }
            guard ContinuousClock.now < end else {
                throw ProcessFederationError(
                    "\(name) is not answered: \(answer.map { "\($0.status) \($0.bodyText)" } ?? "no connection")")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Asks for a server's end until that is accepted, or there is no such server any more.
    package func delete(_ id: String, within limit: Duration = .seconds(60)) async throws {
        let end = ContinuousClock.now + limit
        while true {
            let answer = try? await call(.compute, "DELETE", "/v2.1/servers/\(id)")
            if let answer, [204, 404].contains(answer.status) { return }
            guard ContinuousClock.now < end else {
                throw ProcessFederationError(
                    "\(id) isn't deleted: \(answer.map { "\($0.status) \($0.bodyText)" } ?? "no connection")")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    package struct Server: Sendable {
        package let id: String
        package let name: String
        package let status: String
        package let task: String?
        package let fault: String?
        package let zone: String
    }

    package struct Listing: Sendable {
        package let servers: [Server]
        package let asOf: String
        package let duration: Duration
    }

    /// All servers of the project, however many pages they take.
    package func servers() async throws -> Listing {
        var servers: [Server] = []
        var asOf = ""
        var duration = Duration.zero
        var path: String? = "/v2.1/servers/detail"
        while let page = path {
            let answer = try await call(.compute, "GET", page)
            guard answer.status == 200 else {
                throw ProcessFederationError("The list is refused: \(answer.status) \(answer.bodyText)")
            }
            let found = answer.objects("servers")
            servers += found.map(Self.server)
            asOf = answer.headers["x-meridian-as-of"] ?? ""
            duration += answer.duration
            let next = answer.objects("servers_links").first { $0["rel"] as? String == "next" }?["href"] as? String
            path = next.flatMap { URLComponents(string: $0) }.map { "\($0.path)?\($0.percentEncodedQuery ?? "")" }
        }
        return Listing(servers: servers, asOf: asOf, duration: duration)
    }

    package func show(_ id: String) async throws -> Server? {
        let answer = try await call(.compute, "GET", "/v2.1/servers/\(id)")
        if answer.status == 404 { return nil }
        guard answer.status == 200 else {
            throw ProcessFederationError("\(id) isn't shown: \(answer.status) \(answer.bodyText)")
        }
        guard let object = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any],
            let server = object["server"] as? [String: Any]
        else { throw ProcessFederationError("\(id) isn't shown: \(answer.bodyText)") }
        return Self.server(server)
    }

    private static func server(_ object: [String: Any]) -> Server {
        Server(
            id: object["id"] as? String ?? "", name: object["name"] as? String ?? "", status: object["status"] as? String ?? "",
            task: object["OS-EXT-STS:task_state"] as? String, fault: (object["fault"] as? [String: Any])?["message"] as? String,
            zone: object["OS-EXT-AZ:availability_zone"] as? String ?? "")
    }
}
