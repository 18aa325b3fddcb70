import Foundation

/// A conversation with one cloud: logs in when first needed, finds services in the catalog, retries what may be repeated.
///
/// Call `close` when done. Every exchange is told to the observer, secrets masked.
public actor CloudSession {
    public typealias Observer = @Sendable (HTTPExchange) -> Void

    /// How often a GET is sent at most when the cloud can't be reached or says it is busy. Nothing else is ever repeated.
    static let attempts = 3
    /// The longest wait between two of them, whatever `Retry-After` says.
    static let longestPause = Duration.seconds(5)

    public nonisolated let settings: CloudSettings
    private let sender: HTTPSender
    private var token: Token?

    public init(_ settings: CloudSettings, observer: Observer? = nil) {
        self.settings = settings
        sender = HTTPSender(
            authorities: settings.caFile, verifiesCertificates: settings.verifiesCertificates, observer: observer)
    }

    public func close() async {
        await sender.close()
    }

    /// Logs in, unless that was done.
    public func authenticated() async throws -> Token {
        if let token { return token }
        let base = settings.authURL.hasSuffix("/v3") ? settings.authURL : settings.authURL + "/v3"
        let answer = try await sender.send(
            .post, base + "/auth/tokens", headers: [], body: AuthenticationBody.json(settings), timeout: .seconds(30))
        try Self.check(answer)
        guard let id = answer.headers["x-subject-token"] else {
            throw CloudClientError.unreadable("The identity service's answer holds no token.")
        }
        let made = try Token(id: id, body: answer.json)
        token = made
        return made
    }

    /// The address of a service, without a slash at its end.
    public func endpoint(of service: String) async throws -> String {
        if let url = settings.endpointOverrides[service] { return url.trimmingSlashes }
        return try await authenticated().catalog.url(of: service, region: settings.region, interface: settings.interface)
    }

    /// Sends a request and reads the answer. Throws `refused` for 400 and above.
    @discardableResult
    public func send(_ request: CloudRequest) async throws -> CloudAnswer {
        var attempt = 1
        var hasLoggedInAgain = false
        while true {
            let endpoint = try await endpoint(of: request.service)
            let url = (request.fromRoot ? Self.root(of: endpoint) : endpoint) + request.path + Self.query(request.query)
            var headers = request.headers + [("X-Auth-Token", try await authenticated().id), ("Accept", "application/json")]
            if let version = request.microversion { headers.append(("OpenStack-API-Version", "\(request.service) \(version)")) }
            do {
                let answer = try await sender.send(
                    request.method, url, headers: headers, body: request.body, timeout: request.timeout)
                if answer.status == 401, !hasLoggedInAgain {
                    // The token expired while we worked; a wrong password fails at the login itself.
                    hasLoggedInAgain = true
                    token = nil
                    continue
                }
                if request.method == .get, [429, 502, 503, 504].contains(answer.status), attempt < Self.attempts {
                    try await pause(attempt, answer.headers["retry-after"])
                    attempt += 1
                    continue
                }
                try Self.check(answer)
                return answer
            } catch CloudClientError.unreachable where request.method == .get && attempt < Self.attempts {
                try await pause(attempt, nil)
                attempt += 1
            }
        }
    }

    private func pause(_ attempt: Int, _ asked: String?) async throws {
        let wanted = asked.flatMap(Int.init).map { Duration.seconds($0) } ?? .milliseconds(200 * (1 << attempt))
        try await Task.sleep(for: min(wanted, Self.longestPause))
    }

    // MARK: - Pure parts

    /// Keystone, Nova, Glance and Meridian each wrap their sentence differently.
    static func check(_ answer: CloudAnswer) throws {
        guard answer.status >= 400 else { return }
        let first = answer.json.object?.values.first
        let message =
            answer.json["error"]?["message"]?.string ?? first?["message"]?.string ?? answer.json["message"]?.string
            ?? answer.json.string.flatMap(sentence(inHTML:)) ?? "The cloud refused without saying why."
        throw CloudClientError.refused(status: answer.status, message: message, request: answer.requestID)
    }

    /// Glance answers errors as webob's page; its sentence stands after the heading.
    static func sentence(inHTML text: String) -> String? {
        guard let heading = text.range(of: "</h1>") else {
            return text.trimmingCharacters(in: .whitespacesAndNewlines).nonEmpty
        }
        let rest = text[heading.upperBound...].prefix { $0 != "<" }.trimmingCharacters(in: .whitespacesAndNewlines)
        return rest.replacing("&quot;", with: "\"").replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing(
            "&amp;", with: "&"
        )
        .nonEmpty
    }

    /// `https://host:8774/v2.1` → `https://host:8774`; a region's endpoint keeps its region: `https://host:8774/regions/tunis/v2.1` →
    /// `https://host:8774/regions/tunis`.
    static func root(of endpoint: String) -> String {
        guard let scheme = endpoint.range(of: "://") else { return endpoint }
        let parts = endpoint[scheme.upperBound...].split(separator: "/")
        let kept = parts.count > 2 && parts[1] == "regions" ? 3 : 1
        return String(endpoint[..<scheme.upperBound]) + parts.prefix(kept).joined(separator: "/")
    }

    private static func query(_ items: [(name: String, value: String)]) -> String {
        guard !items.isEmpty else { return "" }
        return "?" + items.map { "\($0.name)=\(escaped($0.value))" }.joined(separator: "&")
    }

    /// Percent-encoded for a place in a path or a query.
    static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                return String(UnicodeScalar(byte))
            default: break
            }
            let hex = String(byte, radix: 16, uppercase: true)
            return "%" + (hex.count == 1 ? "0" : "") + hex
        }.joined()
    }
}
