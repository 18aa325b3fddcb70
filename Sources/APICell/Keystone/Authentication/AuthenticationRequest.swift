import APIConventions
import CloudModel
import Tokens

/// A domain by id or by name.
struct DomainSelector: Sendable, Equatable {
    var id: DomainID?
    var name: String?

    init(_ fields: JSONFields) throws(CloudError) {
        id = try fields.optionalString("id").map { DomainID($0) }
        name = try fields.optionalString("name")
        guard id != nil || name != nil else { throw fields.missing("id") }
    }
}

enum AccountSelector: Sendable {
    case id(UserID)
    case name(String, DomainSelector)
}

enum ProjectSelector: Sendable {
    case id(ProjectID)
    case name(String, DomainSelector)
}

/// The body of `POST /v3/auth/tokens`, understood.
struct AuthenticationRequest: Sendable {
    enum Proof: Sendable {
        case password(AccountSelector, String)
        case token(String)
    }

    enum Scope: Sendable {
        /// Nothing said: the user's default project, if there is one.
        case byDefault
        case unscoped
        case project(ProjectSelector)
        case domain(DomainSelector)
        case system
    }

    let proofs: [Proof]
    let scope: Scope

    /// Throws 400 for what isn't such a body, 401 for methods that aren't offered.
    init(_ body: JSONValue) throws {
        let auth = try JSONFields(body, in: "auth")
        let identity = try auth.fields("identity")
        let methods = try (identity.optionalArray("methods", limit: 8) ?? []).map { method throws(CloudError) in
            guard let name = method.string else { throw JSONFields.invalid("methods", method, "a method is of type 'string'") }
            return name
        }
        guard !methods.isEmpty else { throw identity.missing("methods") }
        proofs = try Set(methods).sorted().map { method in
            switch method {
            case "password": try Self.password(try identity.fields("password"))
            case "token": .token(try identity.fields("token").string("id", length: 1...4096))
            default: throw CloudError(.unauthorized, "Attempted to authenticate with an unsupported method.")
            }
        }
        scope = try Self.scope(auth)
    }

    private static func password(_ fields: JSONFields) throws(CloudError) -> Proof {
        let user = try fields.fields("user")
        let password = try user.string("password", length: 0...4096)
        if let id = try user.optionalString("id") { return .password(.id(UserID(id)), password) }
        return .password(.name(try user.string("name"), try DomainSelector(try user.fields("domain"))), password)
    }

    private static func scope(_ auth: JSONFields) throws(CloudError) -> Scope {
        guard let value = auth["scope"] else { return .byDefault }
        if value.string == "unscoped" { return .unscoped }
        let scope = try JSONFields(value, name: "scope")
        if let project = try scope.optionalFields("project") {
            if let id = try project.optionalString("id") { return .project(.id(ProjectID(id))) }
            return .project(.name(try project.string("name"), try DomainSelector(try project.fields("domain"))))
        }
        if let domain = try scope.optionalFields("domain") { return .domain(try DomainSelector(domain)) }
        if let system = try scope.optionalFields("system") {
            guard try system.optionalBool("all") == true else {
                throw JSONFields.invalid("system", .object(system.object), "'all' must be true")
            }
            return .system
        }
        if scope.has("unscoped") { return .unscoped }
        throw JSONFields.invalid("scope", value, "one of 'project', 'domain', 'system' or 'unscoped' is required")
    }
}
