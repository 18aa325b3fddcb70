import Foundation

/// One request and its answer, as `--debug` shows them: secrets are masked when it is made, so none can leak from it.
public struct HTTPExchange: Sendable {
    public let method: String
    public let url: String
    public let requestHeaders: [(name: String, value: String)]
    public let requestBody: String?
    /// nil when no answer came.
    public let status: Int?
    public let responseHeaders: [(name: String, value: String)]
    public let responseBody: String?
    public let duration: Duration
    public let failure: String?

    /// `X-OpenStack-Request-ID` of the answer.
    public var requestID: String? {
        responseHeaders.first { ["x-openstack-request-id", "x-compute-request-id"].contains($0.name.lowercased()) }?.value
    }

    /// The exchange as text: `> ` what was sent, `< ` what came back.
    public var transcript: String {
        var lines = ["> \(method) \(url)"]
        lines += requestHeaders.map { "> \($0.name): \($0.value)" }
        if let requestBody { lines += ["> ", "> \(requestBody)"] }
        let milliseconds = duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
        lines.append("< \(status.map { "HTTP \($0)" } ?? "no answer: \(failure ?? "unknown")") in \(milliseconds) ms")
        lines += responseHeaders.map { "< \($0.name): \($0.value)" }
        if let responseBody, !responseBody.isEmpty { lines += ["< ", "< \(responseBody)"] }
        return lines.joined(separator: "\n")
    }
}

/// Hides what must not be shown: tokens and passwords in headers and in JSON, however deep.
enum Masking {
    static let headers: Set<String> = [
        "x-auth-token", "x-subject-token", "x-service-token", "authorization", "x-meridian-grant", "cookie", "set-cookie",
    ]
    static let keys: Set<String> = [
        "password", "adminpass", "admin_pass", "original_password", "secret", "user_data", "private_key", "passcode", "grant",
        "token",
    ]
    /// Characters of a body that are shown.
    static let bodyLimit = 4_000

    static func header(_ name: String, _ value: String) -> String {
        headers.contains(name.lowercased()) ? "***" : value
    }

    /// The body with secrets replaced; what isn't JSON is only measured.
    static func body(_ data: Data) -> String? {
        guard !data.isEmpty else { return nil }
        guard let json = JSON(data) else {
            return "(\(data.count) bytes)"
        }
        let text = masked(json, under: []).text(pretty: false)
        return text.count <= bodyLimit ? text : text.prefix(bodyLimit) + "… (\(text.count) characters)"
    }

    private static func masked(_ json: JSON, under path: [String]) -> JSON {
        switch json {
        case .object(let members):
            var shown: [String: JSON] = [:]
            for (key, value) in members {
                let isSecret = keys.contains(key.lowercased()) && !isContainer(value)
                // A token to log in with: {"identity": {"token": {"id": …}}}.
                let isTokenID = key == "id" && path.last == "token"
                shown[key] = isSecret || isTokenID ? "***" : masked(value, under: path + [key])
            }
            return .object(shown)
        case .array(let values): return .array(values.map { masked($0, under: path) })
        case .null, .bool, .int, .double, .string: return json
        }
    }

    private static func isContainer(_ json: JSON) -> Bool {
        switch json {
        case .object, .array: true
        case .null, .bool, .int, .double, .string: false
        }
    }
}

extension JSON: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}
