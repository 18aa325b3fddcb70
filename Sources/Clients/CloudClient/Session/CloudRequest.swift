/// One request to a cloud, before it has an address and a token.
public struct CloudRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    /// The service in the catalog: `compute`, `image`, `identity`.
    public var service: String
    public var method: Method
    /// Below the service's endpoint, `/servers`; or below its root with `fromRoot`, `/meridian/v1/servers`.
    public var path: String
    public var fromRoot: Bool
    public var query: [(name: String, value: String)]
    public var body: JSON?
    public var headers: [(name: String, value: String)]
    /// `2.37`: told to Nova in `OpenStack-API-Version`.
    public var microversion: String?
    /// How long to wait for the answer. A question that waits at the cloud needs more.
    public var timeout: Duration

    public init(
        _ service: String, _ method: Method, _ path: String, fromRoot: Bool = false,
        query: [(name: String, value: String)] = [],
        body: JSON? = nil, headers: [(name: String, value: String)] = [], microversion: String? = nil,
        timeout: Duration = .seconds(60)
    ) {
        self.service = service
        self.method = method
        self.path = path
        self.fromRoot = fromRoot
        self.query = query
        self.body = body
        self.headers = headers
        self.microversion = microversion
        self.timeout = timeout
    }
}

/// An answer, read.
public struct CloudAnswer: Sendable {
    public let status: Int
    /// Names in lower case.
    public let headers: [String: String]
    /// `.null` for an empty body.
    public let json: JSON
    public var requestID: String? { headers["x-openstack-request-id"] ?? headers["x-compute-request-id"] }
}
